"""The pages, a module for each section. A page asks services and renders; nothing else."""
