from pipeline.store.licences import ALLOWED, LICENCES, UNKNOWN, licences_of, use_of


def test_no_source_of_a_card_goes_without_a_word():
    card = {"data": {"sources": {"ffhq": 3, "new": 1}}}
    assert licences_of(card) == [LICENCES["ffhq"], "new: not stated"]
    assert licences_of({}) == []


def test_licences_of_what_it_began_from_count_once_each():
    began = [{"data": {"sources": {"celeba": 9, "ffhq": 1}}}, {"data": {"sources": {"helen": 9}}}]
    card = {"data": {"sources": {"ffhq": 3}}, "began_from": began}
    assert licences_of(card) == [LICENCES["ffhq"], LICENCES["celeba"], LICENCES["helen"]]
    assert licences_of(card | {"began_from": [*began, {"data": {}}]}) == [*licences_of(card), UNKNOWN]


def test_the_use_of_weights_is_what_all_of_it_allows():
    card = {"data": {"sources": {"synthetic": 3}}}
    assert use_of(card) == ALLOWED + LICENCES["synthetic"]
    assert use_of({}) == ALLOWED + UNKNOWN
    began = [{"data": {"sources": {"celeba": 9}}, "may_be_used_for": f"{ALLOWED}{LICENCES['celeba']}"}]
    began += [{"data": {"sources": {"celeba": 9}}, "may_be_used_for": "museums"}]
    assert use_of(card | {"began_from": began}) == (
        f"{ALLOWED}{LICENCES['synthetic']}; {LICENCES['celeba']}; and, said of weights that it began from: museums"
    )
    assert use_of({"trained_by": "others", "intended_use": "as they allow"}) == "as they allow"
