"""The report's words: English where they are used, their Chinese here."""

from ..enums import Language


class Texts:
    """Called with an English text, gives it in one language, with ``{names}`` filled in."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def __call__(self, text: str, **values: object) -> str:
        """A text in the language.

        Args:
            text: English.
            **values: For the ``{names}`` in it.

        Raises:
            KeyError: The text has no translation.
        """
        known = text if self._language == Language.ENGLISH else CHINESE[text]
        return known.format(**values) if values else known


CHINESE = {
    "Lung lesions in a chest CT": "胸部 CT 肺部病灶",
    "Report of {date}": "报告生成于 {date}",
    "Research use only, not a medical device": "仅供科研使用，不是医疗器械",
    "A program found and measured these lesions. It misses lesions and lists false ones. A person who can read a chest "
    "CT has to check every one of them.": "以下病灶由程序检出并测量。程序会漏诊，也会列出假阳性。"
    "每个病灶都必须由能够阅读胸部 CT 的人员核对。",
    "lesion listed": "个病灶列出",
    "lesions listed": "个病灶列出",
    "Rejected by the reader: {count}": "已被阅片者排除：{count}",
    "Less likely, not shown: {count}": "可能性较低，未显示：{count}",
    "PatientName": "患者姓名",
    "PatientID": "患者编号",
    "PatientBirthDate": "出生日期",
    "PatientSex": "性别",
    "StudyDate": "检查日期",
    "path": "路径",
    "Series": "序列",
    "Kernel": "重建卷积核",
    "Slices": "层数",
    "{mm} mm apart": "层间距 {mm} mm",
    "{mm} mm thick": "层厚 {mm} mm",
    "Pixels": "像素",
    "Format": "格式",
    "The chest from the front, the lesions numbered": "胸部正面观，病灶已编号",
    "From the front; the patient's right is on the left": "正面观；左侧为患者右侧",
    "The chest from the left, the lesions numbered": "胸部左侧观，病灶已编号",
    "From the patient's left": "患者左侧观",
    "Lesions": "病灶",
    "No.": "编号",
    "Long axis": "长径",
    "Short axis": "短径",
    "Mean": "平均径",
    "Volume": "体积",
    "Type": "类型",
    "Density": "密度",
    "Lung, third": "侧别、部位",
    "Pleura": "距胸膜",
    "Slice": "层面",
    "Confidence": "置信度",
    "Measurable": "可测量",
    "yes": "是",
    "no": "否",
    "solid": "实性",
    "part-solid": "部分实性",
    "ground glass": "磨玻璃",
    "calcified": "钙化",
    "cavitated": "空洞",
    "right": "右肺",
    "left": "左肺",
    "upper": "上",
    "middle": "中",
    "lower": "下",
    "Slices lie {step} mm apart. Given its outline, a diameter here may be off by up to {mm} mm and a volume by up to "
    "{percent} %; each lesion has its own ± beside it. Where the outline itself should lie is another error, which is "
    "not in it.": "层间距为 {step} mm。在轮廓确定的前提下，此处径线误差最大可达 {mm} mm，体积误差最大可达 {percent} %；"
    "每个病灶旁的 ± 为其自身误差。轮廓位置本身的误差不包括在内。",
    "With slices this far apart a small lesion is seen on few of them. Compare it only with CTs of the same slice "
    "distance.": "层间距较大时，小病灶只出现在少数层面上。只应与层间距相同的 CT 比较。",
    "Diameters and volume are those of the surface between the voxels (subvoxel_* in lesions.csv). The program's own "
    "table counts voxels, and may differ a little.": "径线和体积取自体素之间的表面（lesions.csv 中的 subvoxel_* 列）。"
    "程序自身的表格按体素计数，可能略有差异。",
    "Measurable: by RECIST 1.1, a long axis of at least 10 mm, with slices over 5 mm apart at least twice their "
    "distance. Lymph nodes are not told apart.": "可测量：按 RECIST 1.1，长径至少 10 mm；层间距大于 5 mm 时，"
    "至少为层间距的两倍。不区分淋巴结。",
    "Pleura: shortest distance to the border of the lungs, known to about 3 mm; 0 where the lesion touches it. Slices "
    "are counted from 0.": "距胸膜：到肺边界的最短距离，精度约 3 mm；接触时为 0。层面从 0 开始计数。",
    "Outline drawn or edited by a person.": "轮廓由人工绘制或修改。",
    "Rejected by the reader, not in this table: no. {ids}": "已被阅片者排除，不在表中：编号 {ids}",
    "No lesion is listed. That does not mean that there is none.": "未列出病灶。这并不表示没有病灶。",
    "Key images": "关键图像",
    "Lung window (centre −600, width 1500 HU). The lines are the long and the short axis, in mm.": "肺窗（窗位 −600，"
    "窗宽 1500 HU）。线段为长径和短径，单位 mm。",
    "The first {count} lesions have pictures.": "前 {count} 个病灶附有图像。",
    "right lung": "右肺",
    "left lung": "左肺",
    "upper third": "上三分之一",
    "middle third": "中三分之一",
    "lower third": "下三分之一",
    "Axial": "轴位",
    "Coronal": "冠状位",
    "Sagittal": "矢状位",
    "Axial, slice {number}": "轴位，层面 {number}",
    "Coronal, longest {mm} mm": "冠状位，最长径 {mm} mm",
    "Sagittal, longest {mm} mm": "矢状位，最长径 {mm} mm",
    "Longest in 3D {mm} mm": "三维最长径 {mm} mm",
    "solid part {volume} mm³": "实性部分 {volume} mm³",
    "median {hu} HU": "中位数 {hu} HU",
    "mass {mg} mg": "质量 {mg} mg",
    "readers would likely outline {low} to {high} mm³, {short} to {long} mm": "阅片者的勾画可能为 {low} 至 {high} mm³、"
    "{short} 至 {long} mm",
    "Suggestions from guidelines": "指南建议",
    "For research: suggestions, not decisions. They stay in English.": "仅供科研：是建议，不是决定。建议保留英文原文。",
    "Notes and warnings": "提示与警告（程序原文）",
    "How it was made": "生成方式",
    "Threshold": "阈值",
    "probability from which a voxel is a lesion: {values}": "体素属于病灶的概率下限：{values}",
    "Listed": "列出条件",
    "long axis of 4 mm or more, and confidence of {least} or more. What has less, "
    "or lies away from the lungs, is less likely. What a person clicked or accepted is always listed. Under {mm} mm "
    "nothing is kept.": "长径不小于 4 mm 且置信度不低于 {least}。"
    "不满足者或远离肺者归为可能性较低。"
    "人工点击或接受的病灶始终列出。小于 {mm} mm 者不保留。",
    "Lungs": "肺",
    "were not looked for: side, third and pleura may be unknown": "未查找：侧别、部位和距胸膜的距离可能未知",
    "Smoothing": "平滑",
    "Clicked at": "点击位置",
    "Program": "程序",
    "Computed by": "运行环境",
    "Model": "模型",
    "Its data": "模型数据",
    "patients by role": "各用途的患者数",
    "Its card": "模型卡片",
    "The model that made this result is not at hand any more: no figures are shown.": "生成此结果的模型已不可用："
    "不显示性能数据。",
    "Voxels of the CT": "CT 体素",
    "What the model reaches on CTs that it has not seen, by its card": "模型在未见过的 CT 上的表现（模型卡片原文）",
    "Measured": "指标",
    "Value": "数值",
    "95 % interval": "95 % 区间",
    "Cases": "例数",
    # the page of a follow-up
    "Follow-up of lung lesions": "肺部病灶随访",
    "A program found, measured and matched these lesions. It misses lesions and lists false ones. A person who can "
    "read a chest CT has to check every one of them.": "以下病灶由程序检出、测量并配对。程序会漏诊，也会列出假阳性。"
    "每个病灶都必须由能够阅读胸部 CT 的人员核对。",
    "lesion followed": "个病灶随访",
    "lesions followed": "个病灶随访",
    "Date": "日期",
    "Name": "名称",
    "Distance": "层间距",
    "Listed by the run": "运行列出",
    "Found by a click": "点击找到",
    "Less likely": "可能性较低",
    "Course": "变化过程",
    "Long axis of each lesion by date": "各病灶长径随日期的变化",
    "Volume of each lesion by date": "各病灶体积随日期的变化",
    "RECIST sum by date": "RECIST 径线总和随日期的变化",
    "Long axis (mm); the numbers are the lesions'": "长径（mm）；数字为病灶编号",
    "Volume (mm³), logarithmic: a doubling is the same height everywhere": "体积（mm³），对数坐标：倍增在各处高度相同",
    "RECIST sum (mm) of lesions {ids}; short lines: partial response (PR) at or under the lower one, progression (PD) "
    "at or over the upper one": "病灶 {ids} 的 RECIST 径线总和（mm）；短线：不高于下线为部分缓解（PR），"
    "不低于上线为进展（PD）",
    "Bars: error of one measurement, with that of repeated scans. The bars of two CTs, added as squares, are about the "
    "error of a change in the table.": "误差线：单次测量的误差，包括重复扫描的误差。"
    "两次 CT 的误差线按平方相加再开方，约等于表中变化的误差。",
    "Without a line, because one CT alone shows them or ten others are drawn: no. {ids}": "未画线（仅在一次 CT 中可见，"
    "或已画十个）：编号 {ids}",
    "Lung": "侧别",
    "Fate": "变化",
    "Change of the volume": "体积变化",
    "Change of the long axis": "长径变化",
    "error": "误差",
    "Doubling time": "倍增时间",
    "days (95 % interval)": "天（95 % 区间）",
    "new": "新发",
    "gone": "消失",
    "growing": "增大",
    "stable": "稳定",
    "shrinking": "缩小",
    "merged": "融合",
    "split": "分裂",
    "not compared": "未比较",
    "Sizes count voxels, as in follow_up.csv. A change within its error is called stable. Fates are suggestions: check "
    "every pair.": "大小按体素计数，与 follow_up.csv 相同。误差范围内的变化称为稳定。变化为建议：请核对每一对。",
    "T: RECIST target. c: found by a click at its registered place. l: less likely.": "T：RECIST 靶病灶。"
    "c：在配准位置点击找到。l：可能性较低。",
    "Sum": "总和",
    "Suggestion": "建议",
    "Rule": "规则",
    "baseline": "基线",
    "new: no. {ids}": "新发：编号 {ids}",
    "Targets: lesions {ids}. Lymph nodes and other organs are not in the sum.": "靶病灶：{ids}。"
    "总和不包括淋巴结和其他器官。",
    "No target: there is no sum. The notes say why.": "没有靶病灶，因此没有总和。原因见提示。",
    "complete response: all target lesions have disappeared": "完全缓解：所有靶病灶消失",
    "partial response: the sum of diameters is at least 30 % smaller than at baseline": "部分缓解："
    "径线总和比基线至少减少 30 %",
    "progressive disease: the sum of diameters is at least 20 % and 5 mm larger than the smallest sum so "
    "far": "疾病进展：径线总和比此前最小值至少增加 20 % 且 5 mm",
    "stable disease: neither enough shrinkage for PR nor enough growth for PD": "疾病稳定：缩小未达 PR，增大未达 PD",
    "not evaluable: a target lesion was not compared": "无法评估：有靶病灶未比较",
    "a new lesion, if it is confirmed, is progressive disease (PD)": "新病灶如经证实，即为疾病进展（PD）",
    "Each lesion in all CTs at the same anatomical place, lung window (centre −600, width 1500 HU). A circle: nothing "
    "was found there.": "各病灶在所有 CT 中的同一解剖位置，肺窗（窗位 −600，窗宽 1500 HU）。圆圈：该处未找到。",
    "Lesion {number} in all CTs": "所有 CT 中的病灶 {number}",
    "Registration of CT {one} and CT {other}": "CT {one} 与 CT {other} 的配准",
    "good": "良好",
    "doubtful": "可疑",
    "failed": "失败",
    "vessels correlate by {vessels}, lungs' surfaces within {mm} mm (95 %), overlap {percent} %": "血管相关系数 "
    "{vessels}，肺表面距离不超过 {mm} mm（95 %），重叠 {percent} %",
}
