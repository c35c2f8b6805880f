"""What is fitted, as plain frozen data that every other part reads."""
