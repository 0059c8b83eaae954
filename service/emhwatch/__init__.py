"""emhwatch: reads a paraspinal mass as possible extramedullary hematopoiesis before the biopsy."""

__version__ = "0.1.0"
