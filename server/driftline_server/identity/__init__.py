"""Identity: the queue of questions, what was decided, and evidence that tells nobody apart."""
