use strict;
use warnings;
use Words;
my $got = join ",", Words::count("a b", "B c b");
die "got $got" unless $got eq "b 3,a 1,c 1";
print "ok 1\n";
