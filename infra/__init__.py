"""How the system is deployed: two CloudFormation stacks generated from the code, packaging, and the local cloud."""
