"""The contract every model meets, and the verbs that act on any model which meets it."""
