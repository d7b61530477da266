"""`hubstack doctor`: looks at one stack, its state and its cluster before anything is changed, and changes nothing."""
