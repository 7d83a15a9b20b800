"""Calls to addresses that strangers name: looked up once, connected to as checked, bounded in all."""
