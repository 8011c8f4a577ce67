"""What the flows' Script tasks do, one function for each; clients and clock are arguments.

Each step may run twice, at the same time, or again after a crash between any two lines: its docstring says why.
"""
