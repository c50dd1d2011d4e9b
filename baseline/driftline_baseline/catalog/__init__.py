"""What a CI can be: its class, and the fields of its own that the class gives it.

The built-in classes are data (`classes.yaml`); an organisation adds classes and fields in a document of its own
(`reading`), whose versions the record keeps. All of this is pure.
"""
