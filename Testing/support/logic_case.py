"""Two nodules in a chest, and runs of the logic on them."""

from LungTumorSegLib.lesions import terminology

from Testing.support.scene_case import centre_ras

NODULE = ((-70.0, 10.0, 20.0), 18.0, 40)
SECOND = ((80.0, 20.0, 5.0), 16.0, 40)
NODULE_RAS, SECOND_RAS = (70.0, -10.0, 20.0), (-80.0, -20.0, 5.0)


def run_to_its_end(logic, run):
    while not run.finished:
        logic.poll()
    return run


def until_it_computes(logic, run):
    """Poll until the child says that it is at work."""
    while run.progress is None:
        assert not run.finished, run.error
        logic.poll()


def segment_of(logic, findings, lesion_id):
    lesion = findings.lesion(lesion_id)
    return logic.segmentation(findings).GetSegmentation().GetSegment(terminology.segment_id(lesion))


def found_centre(logic, run):
    findings = run.findings
    segment_id = terminology.segment_id(findings.lesion(run.lesion_ids[0]))
    return centre_ras(logic.segmentation(findings), segment_id, logic.volume(findings))
