def write_page(p):
    pass
