"""What the guard looks at, once in a run: states, runs of migrations, catalogs, plans, logins."""
