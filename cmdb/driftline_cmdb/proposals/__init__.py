"""Services and relations proposed from what is seen, for people to confirm.

``looking`` reads of a CI what proposals are made of; ``proposing`` makes them: ``dependencies`` between CIs, and
``memberships`` of services and hosts; ``keeping`` stores them; ``deciding`` carries out what people decide;
``periodic`` is the job that runs beside ingest; ``documents`` keeps the service rules.
"""
