"""Fields of a stored tender that an import writes; how it knows a person's.

What an import wrote last stands in no column of its own: it is what merging the notices gives that were stored
before. A field that differs from it was written by a person and is left alone; a field that agrees is the import's.

- Agreement is all that counts: a person's value that the notices come to state as well is the import's again,
  and so is one that the person sets back.
- To empty a field is a change like any other: it stays empty.
- ``estimated_value`` and ``currency`` are one field: whoever changes either keeps both.
- A tender that a person created under this external id, with no notice stored before, keeps what it was given;
  its empty fields are filled.
- A title that the import took from the external id gives way to the first real one, as any value of its own does.
- Equal means equal as stored: amounts by value at 4 decimals, dates as instants, categories in their order. Merging
  rounds and cuts to the columns' limits, and neither database changes that.
- Notices are never forgotten, though those that can't matter any more (see ``lasting``) are no longer read. A
  deleted one still counts as received: it is not stored again, and taking it away does not turn what it
  said into a person's words.
- The external id is how a tender is found. One that a person gave another id is no longer the same tender to the
  import; a new one is created for the old id.
- Only the releases and these rules of mapping are known. After a change of the rules, a field that the old ones
  gave another value looks like a person's, and is left alone until both agree.
- ``status`` and the rest of a tender's progress are none of these fields.
"""

from collections.abc import Mapping

from .mapping import TenderFields

_AMOUNT = ("estimated_value", "currency")
_SINGLE = [name for name in TenderFields.__annotations__ if name not in ("external_id", *_AMOUNT)]
_FIELDS = (_AMOUNT, *((name,) for name in _SINGLE))


def changes(
    tender: Mapping[str, object], *, written: Mapping[str, object] | None, wanted: Mapping[str, object]
) -> dict[str, object]:
    """The fields to set for ``tender`` to have what is ``wanted``, but for a person's.

    ``written`` is what the notices stored before give; None where there are none.
    """
    found: dict[str, object] = {}
    for names in _FIELDS:
        current = [tender[name] for name in names]
        target = [wanted[name] for name in names]
        if written is None:
            is_ours = all(value in (None, "", []) for value in current)
        else:
            is_ours = current == [written[name] for name in names]
        if is_ours and current != target:
            found.update(zip(names, target, strict=True))
    return found
