import pathlib

import jinja2

FOLDER = pathlib.Path(__file__).parent.parent / "templates"
PAGES = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True)


def hello(name, visits):
    return PAGES.get_template("hello.html").render(name=name, visits=visits)
