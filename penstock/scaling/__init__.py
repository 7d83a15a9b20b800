"""How many workers an API needs: one pure decision, for the function, the simulator and the tests."""
