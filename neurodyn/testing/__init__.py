"""Systems with known answers, synthetic recordings and strategies, for our tests and yours."""
