"""What stands in, on a developer's machine, for the services of a deployment: AWS, WeChat, the front address."""
