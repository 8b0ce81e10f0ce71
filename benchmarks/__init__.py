"""What the project's speed and size are measured with; README.md says what each part measures."""
