from pipeline.store.licences import LICENCES, licences_of


def test_no_source_of_a_card_goes_without_a_word():
    card = {"data": {"sources": {"ffhq": 3, "new": 1}}}
    assert licences_of(card) == [LICENCES["ffhq"], "new: not stated"]
    assert licences_of({}) == []
