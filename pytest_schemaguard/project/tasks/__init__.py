"""What is asked of the project, one module a question: `run(arguments)`, JSON in and JSON out.

They run in the child process, with the configuration's folder as working directory and on sys.path,
and may import SQLAlchemy and the project. Whatever a person must hear is a ProjectError.
"""
