"""A person's taste, learnt from which of a few photos they would rather sit in: questions, ranking, a page."""
