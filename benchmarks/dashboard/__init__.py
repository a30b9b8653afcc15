"""The dashboard: its pictures, and what its page costs."""
