import pytest

from domain.migrations.checks import portable


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("status::text = ANY (ARRAY['a'::character varying, 'b'::character varying]::text[])", "status IN ('a', 'b')"),
        ("mood::text = 'only'::text", "mood = 'only'"),
        ("mood IN ('only')", "mood = 'only'"),
        ("length(title::text) >= 1 AND length(title::text) <= 500", "length(title) >= 1 AND length(title) <= 500"),
        ("x >= '-5'::integer AND x <= '9223372036854775807'::bigint", "x >= -5 AND x <= 9223372036854775807"),
        ("rate <= '10000000000000000'::numeric::double precision", "rate <= 10000000000000000"),
        ("rate <= 1e+16 AND rate >= 0.50", "rate <= 10000000000000000 AND rate >= 0.5"),
        ("price >= 1.0000::numeric(20,4)", "price >= 1"),
        ("'it''s'::character varying", "'it''s'"),
        ("code <> 'a::text 1.50'::text", "code <> 'a::text 1.50'"),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("column_2e5 > 0", "column_2e5 > 0"),
    ],
)
def test_what_postgresql_shows_is_put_as_it_was_meant(shown: str, meant: str) -> None:
    assert portable(shown) == meant
