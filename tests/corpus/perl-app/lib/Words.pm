package Words;
use strict;
use warnings;

sub count {
    my %seen;
    $seen{lc $_}++ for map { /\w+/g } @_;
    return map { "$_ $seen{$_}" } sort { $seen{$b} <=> $seen{$a} || $a cmp $b } keys %seen;
}

1;
