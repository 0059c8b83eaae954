"""Made-up radiology reports, the same for the same number: CT and MRI of about 1,900 characters, chest films of 400."""

from collections.abc import Iterator
from random import Random

#: Words that the sentences below draw from; `{size}` and the like are filled with numbers by `_filled`.
SLOTS = {
    "side": "right|left|right|left|bilateral",
    "lobe": "right upper lobe|right middle lobe|right lower lobe|left upper lobe|lingula|left lower lobe",
    "degree": "mild|minimal|moderate|marked|slight|subtle|severe",
    "shape": "lobulated|rounded|ovoid|well defined|ill defined|spiculated|fusiform|smoothly marginated",
    "hedge": "likely|probably|possibly|most consistent with|suspicious for|may represent|cannot exclude",
    "denial": "No|No evidence of|There is no|Without|No definite|No sign of",
    "normal": "unremarkable|normal|within normal limits|normal in size and attenuation|of normal calibre|intact",
    "organ": "liver|spleen|pancreas|gallbladder|right kidney|left kidney|adrenal glands|bladder|stomach|thyroid",
    "disease": "thalassemia intermedia|sickle cell disease|breast carcinoma|lymphoma|hereditary spherocytosis|asthma"
    "|chronic kidney disease|prostate cancer|myelofibrosis|hypertension|diabetes|lung cancer",
    "symptom": "back pain|chest pain|shortness of breath|cough for two weeks|abdominal pain|weakness of both legs"
    "|weight loss|fever|headache|trauma after a fall|haematuria|numbness of the feet",
    "time": "three months ago|last year|two weeks earlier|five years ago",
    "vessel": "thoracic aorta|abdominal aorta|pulmonary arteries|portal vein|inferior vena cava|left subclavian artery",
    "bone": "vertebral bodies|posterior ribs|pelvic bones|sternum|scapulae|visualised skeleton|femoral heads",
    "joint": "facet joints|sacroiliac joints|costovertebral joints|uncovertebral joints",
}
CHEST = """The lungs are clear without focal consolidation.
There is a {size} mm nodule in the {lobe}, {hedge} a granuloma.
{degree} dependent atelectasis is present at the {side} base.
{denial} pleural effusion or pneumothorax.
A {degree} {side} pleural effusion with adjacent compressive atelectasis.
The central airways are patent and the trachea lies in the midline.
{denial} enlarged mediastinal, hilar or axillary lymph nodes.
A {size} mm {shape} lymph node in the prevascular space is unchanged since {time}.
The heart is {normal}; there is {degree} coronary calcification.
The {vessel} is {normal} without dissection or aneurysm.
The {vessel} measures {cm} cm, {degree} dilated compared with the study of {time}.
{denial} filling defect in the main, lobar or segmental pulmonary arteries.
{degree} centrilobular emphysema with scattered subpleural reticulation in the {lobe}.
Ground glass opacity in the {lobe} {hedge} infection, less likely haemorrhage.
Oesophagus and thyroid are {normal}.
There is a {shape} {side} paravertebral soft tissue mass at T{t1}-T{t2} measuring {cm} x {cm2} cm.
{side} paraspinal masses extend from T{t1} to T{t2}, with {degree} homogeneous enhancement and no calcification.
Fatty areas are seen within the mass; the adjacent ribs are expanded with coarse trabeculae."""
ABDOMEN = """The {organ} and {organ} are {normal}.
The liver is enlarged at {long} cm with {degree} fatty infiltration, without focal lesion.
A {size} mm low attenuation lesion in segment {t1} of the liver, too small to characterise, {hedge} a cyst.
The spleen measures {long} cm in craniocaudal length and is {normal}.
Cholelithiasis without gallbladder wall thickening; the common duct measures {size} mm.
{denial} hydronephrosis; a {size} mm calculus lies in the lower pole of the {side} kidney.
Simple cyst of the {side} kidney measuring {cm} cm, unchanged since {time}.
The bowel is of normal calibre without obstruction; the appendix is {normal}.
{degree} diverticulosis of the sigmoid colon without diverticulitis.
{denial} free fluid, free air or retroperitoneal lymphadenopathy.
There is {degree} stranding of the mesentery, {hedge} prior surgery of {time}.
{side} adrenal nodule of {size} mm with attenuation of {size} HU, {hedge} an adenoma.
The {vessel} shows {degree} atherosclerotic calcification without aneurysm.
Uterus and adnexa are {normal} for age.
The prostate is enlarged and indents the base of the bladder.
A presacral soft tissue mass of {cm} x {cm2} cm does not erode the sacrum."""
SPINE = """Alignment is maintained, with {degree} straightening of the lordosis.
Vertebral body heights are preserved; {denial} acute fracture or listhesis.
At L{l1}-L{l2} a {degree} broad based disc bulge narrows the {side} neural foramen without nerve root compression.
At C{l1}-C{l2} there is {degree} spondylosis with an osteophyte complex that flattens the ventral thecal sac.
Marrow signal is diffusely low on T1 and T2 weighted images, {hedge} red marrow reconversion.
The spinal cord is of normal calibre and signal, and the conus ends at L{l1}.
{degree} degenerative change of the {joint} at L{l1} and L{l2}.
The paraspinal soft tissues are {normal}.
A T2 hyperintense focus of {size} mm in the T{t1} vertebral body, {hedge} a haemangioma.
{denial} abnormal enhancement of the cord or meninges after gadolinium.
Epidural tissue at T{t1} displaces the thecal sac posteriorly, with {degree} compression of the cord.
The lesion is isointense on T1 and hyperintense on T2, with {degree} enhancement.
There is no erosion of the adjacent pedicles, and the foramina at T{t1} and T{t2} are not widened.
{side} paravertebral {shape} masses from T{t1} to T{t2} are {hedge} extramedullary hematopoiesis.
Schmorl nodes at T{t1} and L{l1}, unchanged.
The {bone} show {degree} demineralisation without lytic or blastic lesion."""
HEAD = """{denial} acute intracranial haemorrhage, mass effect or midline shift.
The ventricles and sulci are {normal} for age.
{degree} periventricular white matter hypodensity, {hedge} chronic small vessel change.
A {size} mm focus of restricted diffusion in the {side} corona radiata, {hedge} a recent infarct.
Paranasal sinuses and mastoid air cells are clear apart from {degree} mucosal thickening of the {side} maxillary sinus.
The calvarium is {normal}; {denial} fracture or hair on end appearance.
Orbits and globes are {normal}.
The basilar and both vertebral arteries are patent with {degree} irregularity.
An extra-axial {shape} mass of {cm} cm along the {side} convexity is unchanged, {hedge} a meningioma."""
LIMB = """The anterior cruciate ligament is {normal}; the posterior ligament shows {degree} signal change.
A horizontal tear in the posterior horn of the {side} meniscus reaches the lower surface.
{degree} chondral thinning of the patellofemoral compartment with a joint effusion.
The rotator cuff shows a {size} mm partial tear of the supraspinatus tendon.
{denial} marrow oedema, fracture line or osteonecrosis of the {bone}.
There is {degree} subcutaneous oedema without an organised fluid collection.
Baker cyst of {cm} x {cm2} cm, septated."""
EXAMINATIONS = {
    "CT": {"CT OF THE CHEST": CHEST, "CT CHEST AND ABDOMEN": CHEST + "\n" + ABDOMEN, "CT ABDOMEN AND PELVIS": ABDOMEN,
           "CT HEAD": HEAD + "\n" + SPINE, "CT LUMBAR SPINE": SPINE},
    "MR": {"MRI OF THE SPINE": SPINE, "MRI BRAIN": HEAD, "MRI OF THE KNEE": LIMB + "\n" + SPINE,
           "MRI ABDOMEN": ABDOMEN},
}  # fmt: skip
REASONS = """{age}-year-old with {symptom} and {symptom}.
History of {disease}, now with {symptom}.
{symptom}. Known {disease}, treated {time}. Evaluate for progression.
{symptom}; rule out {disease}."""
TECHNIQUES = """Axial sections of {t1} mm after {size} mL of intravenous contrast, with coronal and sagittal reformats.
Helical acquisition without contrast. Dose reduction was used.
Sagittal T1, T2 and STIR, axial T1 and T2 weighted images before and after gadolinium.
Multiplanar multisequence imaging on a 1.5 T scanner."""
COMPARISONS = "None.\nStudy of {time}.\nCT of {time}; radiographs of {time}."
ADVICE = """Follow up in {t1} months is suggested.
Clinical correlation is recommended.
Results were given by telephone at {l1}:{size} to the referring team.
Biopsy may be considered if clinically indicated.
No comparison with outside studies was possible."""
FILM = """The heart is {normal} in size.
The lungs are clear.
{degree} patchy opacity in the {lobe}, {hedge} pneumonia.
{denial} pleural effusion or pneumothorax.
The mediastinal contour is {normal}.
{degree} tortuosity of the {vessel}.
Degenerative change of the thoracic spine.
A {side} chest port ends in the superior vena cava.
The visualised {bone} are {normal}.
Widened {side} paraspinal line at T{t1} to T{t2}, {hedge} a posterior mediastinal mass.
Calcified granuloma of the {lobe}, unchanged since {time}."""


def _filled(template: str, random: Random) -> str:
    low, lumbar = random.randint(2, 9), random.randint(1, 4)
    numbers = {
        "size": random.randint(3, 29), "cm": random.randint(11, 79) / 10, "cm2": random.randint(8, 50) / 10,
        "long": random.randint(90, 210) / 10, "age": random.randint(19, 91), "t1": low,
        "t2": low + random.randint(1, 3), "l1": lumbar, "l2": lumbar + 1,
    }  # fmt: skip
    parts = template.split("{")
    filled = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        filled += str(numbers.get(name) or random.choice(SLOTS[name].split("|"))) + rest
    return filled[0].upper() + filled[1:]


def _sentences(pool: str, random: Random) -> Iterator[str]:
    templates = pool.splitlines()
    while True:
        random.shuffle(templates)
        yield from (_filled(template, random) for template in templates)


def _wrapped(text: str, width: int) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def _text(title: str, pool: str, random: Random, length: int, *, long: bool) -> str:
    """A report with its headings in one of three styles, wrapped or one paragraph a section."""
    style = random.choice((str.upper, str.title, str.capitalize))
    width = random.choice((72, 80, 10_000))
    source = _sentences(pool, random)
    findings, used = [], 0
    while used < length:
        findings.append(next(source))
        used += len(findings[-1]) + 1
    impression = [f"{number}. {next(source)}" for number in range(1, random.randint(2, 5) if long else 2)]
    sections = [("history", _filled(random.choice(REASONS.splitlines()), random))]
    if long:
        sections.append(("technique", _filled(random.choice(TECHNIQUES.splitlines()), random)))
        sections.append(("comparison", _filled(random.choice(COMPARISONS.splitlines()), random)))
    sections.append(("findings", " ".join(findings)))
    body = [f"{style(name)}: {_wrapped(text, width)}" for name, text in sections]
    body.append(f"{style('impression')}:\n" + "\n".join(impression))
    if long:
        body.append(_filled(random.choice(ADVICE.splitlines()), random))
    return title + "\n\n" + "\n\n".join(body) + "\n"


def cross_sections(count: int, seed: int = 7) -> list[dict[str, str]]:
    """CT and MRI reports, about 1,900 characters each, as lines of `emhwatch read --batch`."""
    random = Random(seed)
    reports = []
    for number in range(count):
        modality = random.choice(tuple(EXAMINATIONS))
        title, pool = random.choice(tuple(EXAMINATIONS[modality].items()))
        text = _text(title, pool, random, random.randint(1000, 1650), long=True)
        reports.append({"id": f"{modality}{number}", "text": text, "modality": modality, "language": "en"})
    return reports


def films(count: int, seed: int = 11) -> list[dict[str, str]]:
    """Chest radiograph reports, about 400 characters each."""
    random = Random(seed)
    texts = (_text("CHEST, TWO VIEWS", FILM, random, 210, long=False) for _ in range(count))
    return [{"id": f"CR{n}", "text": text, "modality": "CR", "language": "en"} for n, text in enumerate(texts)]
