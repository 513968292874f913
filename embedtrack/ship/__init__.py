"""What is handed on: the challenge's submission with an environment that moves."""
