"""What people are told of the record: events, routing, deliveries; who looks after what; verdicts and precision."""
