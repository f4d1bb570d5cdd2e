"""The box's runner: runs notebooks in boxes on a machine of a factory, asked over HTTP by whoever JupyterHub lets in.

It is the command of a named server and needs neither models nor settings. `executions.py` holds what is under way,
`child.py` is the process that closes the boxes, `service.py` what is asked and answered.
"""
