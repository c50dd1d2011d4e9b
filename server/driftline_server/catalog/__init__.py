"""What a CI can be: classes, fields of the organisation's own, and import of CIs from tables."""
