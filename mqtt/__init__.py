"""The vocabulary of MQTT, in pure Python: no Odoo, no sockets, no threads.

Everything here can be imported and tested alone; the other rooms build on it.
"""
