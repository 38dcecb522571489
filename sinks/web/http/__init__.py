"""The server: who may come in, the page's files, and what the page asks for. Imported only where a page is served."""
