"""Tables with columns of any kind: what each column is, and how it becomes numbers."""
