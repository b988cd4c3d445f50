import unittest

from app import pages


class PagesTest(unittest.TestCase):
    def test_names_are_escaped(self):
        self.assertIn("Hello &lt;b&gt;, visit 3", pages.hello("<b>", 3))
