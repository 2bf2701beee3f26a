<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh-CN" sourcelanguage="en">
    <context>
        <name>AdjustSection</name>
        <message>
            <source>Adjust</source>
            <translation>调整</translation>
        </message>
        <message>
            <source>Changes the result at once, without running the network again</source>
            <translation>立即改变结果，无需重新运行网络</translation>
        </message>
        <message>
            <source>Threshold:</source>
            <translation>概率阈值：</translation>
        </message>
        <message>
            <source>Probability from which a voxel belongs to a lesion. Lower: larger and more lesions.</source>
            <translation>概率达到该值的体素归入病灶。调低：病灶更大、更多。</translation>
        </message>
        <message>
            <source>Minimum diameter:</source>
            <translation>最小直径：</translation>
        </message>
        <message>
            <source>Hides lesions with a smaller longest diameter</source>
            <translation>隐藏最长径小于该值的病灶</translation>
        </message>
        <message>
            <source> mm</source>
            <translation> mm</translation>
        </message>
        <message>
            <source>Minimum confidence:</source>
            <translation>最低置信度：</translation>
        </message>
        <message>
            <source>Lesions of lower confidence lie in the fold Less likely below the table. Clicked lesions and those accepted in the fold stay in the table. Lower: more lesions, most of them vessels.</source>
            <translation>置信度低于该值的病灶收在列表下方的“可能性较低”中。点击得到的病灶和在该处接受的病灶始终留在列表中。调低：病灶更多，其中大多是血管。</translation>
        </message>
        <message>
            <source>Smoothing:</source>
            <translation>轮廓平滑：</translation>
        </message>
        <message>
            <source>Smooths the outlines (sigma of a Gaussian)</source>
            <translation>平滑病灶轮廓（高斯核的 σ）</translation>
        </message>
        <message>
            <source>Only lesions in or near the lungs</source>
            <translation>仅限肺内及肺周病灶</translation>
        </message>
        <message>
            <source>Hides what lies more than 10 mm from the lungs. Has no effect on a result that was made without it; the next run follows.</source>
            <translation>隐藏距肺超过 10 mm 的区域。对未限定肺区得到的结果不起作用，下次运行时生效。</translation>
        </message>
        <message>
            <source>Selected lesion:</source>
            <translation>选中的病灶：</translation>
        </message>
        <message>
            <source>Threshold of the selected lesion, and of lesions from the same region</source>
            <translation>选中病灶以及来自同一区域的病灶的概率阈值</translation>
        </message>
        <message>
            <source>Sets the model's threshold and the other defaults again</source>
            <translation>恢复模型的阈值及其他默认设置</translation>
        </message>
        <message>
            <source>Reset</source>
            <translation>重置</translation>
        </message>
    </context>
    <context>
        <name>AdvancedSection</name>
        <message>
            <source>Advanced</source>
            <translation>高级</translation>
        </message>
        <message>
            <source>Model and how the network runs</source>
            <translation>模型以及网络的运行方式</translation>
        </message>
        <message>
            <source>Model:</source>
            <translation>模型：</translation>
        </message>
        <message>
            <source>Folder of a model of your own. Empty: the bundled model.</source>
            <translation>自备模型的文件夹。留空：使用自带模型。</translation>
        </message>
        <message>
            <source>bundled model</source>
            <translation>自带模型</translation>
        </message>
        <message>
            <source>Chooses the folder of a model</source>
            <translation>选择模型文件夹</translation>
        </message>
        <message>
            <source>Engine:</source>
            <translation>引擎：</translation>
        </message>
        <message>
            <source>The program that runs the network. Automatic: the fastest that is installed.</source>
            <translation>运行网络的程序。自动：使用已安装的最快引擎。</translation>
        </message>
        <message>
            <source>Device:</source>
            <translation>设备：</translation>
        </message>
        <message>
            <source>Where the network runs. Automatic: a GPU where one can be used.</source>
            <translation>网络在何处运行。自动：有可用的 GPU 时使用 GPU。</translation>
        </message>
        <message>
            <source>Precision:</source>
            <translation>精度：</translation>
        </message>
        <message>
            <source>The numbers that the network computes with. Automatic: what this processor is fastest in.</source>
            <translation>网络计算所用的数值格式。自动：此处理器最快的格式。</translation>
        </message>
        <message>
            <source>Threads:</source>
            <translation>线程数：</translation>
        </message>
        <message>
            <source>How many processors the network takes at most; fewer leave room for other programs. Automatic: all that it may use.</source>
            <translation>网络最多占用多少个处理器；较少则为其他程序留出余地。自动：所有可用的处理器。</translation>
        </message>
        <message>
            <source>Automatic</source>
            <translation>自动</translation>
        </message>
        <message>
            <source>Keep the whole probability map</source>
            <translation>保留完整概率图</translation>
        </message>
        <message>
            <source>Keeps the probability of every voxel, not only around candidates. Needs more memory.</source>
            <translation>保留每个体素的概率，而不只是候选区域周围的。需要更多内存。</translation>
        </message>
        <message>
            <source>Replace the shown result</source>
            <translation>替换当前结果</translation>
        </message>
        <message>
            <source>The next result replaces the shown one. Unticked: it is added.</source>
            <translation>新结果替换当前显示的结果。不勾选：另加一个结果。</translation>
        </message>
    </context>
    <context>
        <name>ClickSection</name>
        <message>
            <source>Adds a lesion that was missed: each click in a slice view outlines the lesion at that point. A click with Ctrl (Mac: Command) rejects a lesion. Press again to end.</source>
            <translation>补充漏检的病灶：在切片视图中每点击一次，即勾画该点处的病灶。按住 Ctrl（Mac：Command）点击则排除病灶。再按一次结束。</translation>
        </message>
        <message>
            <source>Click a lesion</source>
            <translation>点击病灶</translation>
        </message>
        <message>
            <source>Result of the last click</source>
            <translation>上次点击的结果</translation>
        </message>
    </context>
    <context>
        <name>CompareSection</name>
        <message>
            <source>Compare</source>
            <translation>比较</translation>
        </message>
        <message>
            <source>Compares the shown result with another segmentation</source>
            <translation>将当前结果与另一个分割比较</translation>
        </message>
        <message>
            <source>With:</source>
            <translation>对照：</translation>
        </message>
        <message>
            <source>Another segmentation of the same patient, for example a reader's</source>
            <translation>同一患者的另一个分割，例如医师手工勾画的</translation>
        </message>
        <message>
            <source>Choose a segmentation</source>
            <translation>请选择分割</translation>
        </message>
        <message>
            <source>Computes Dice, volumes and diameters</source>
            <translation>计算 Dice 系数、体积和直径</translation>
        </message>
        <message>
            <source>Dice, volume and longest diameter of both</source>
            <translation>两者的 Dice 系数、体积和最长径</translation>
        </message>
    </context>
    <context>
        <name>EnvironmentSection</name>
        <message>
            <source>Environment</source>
            <translation>运行环境</translation>
        </message>
        <message>
            <source>Python packages of the extension, and its background process</source>
            <translation>扩展所需的 Python 包及其后台进程</translation>
        </message>
        <message>
            <source>Installed and missing packages</source>
            <translation>已安装和缺少的包</translation>
        </message>
        <message>
            <source>Engine:</source>
            <translation>引擎：</translation>
        </message>
        <message>
            <source>The engine to install. Automatic: the fastest for this computer.</source>
            <translation>要安装的推理引擎。自动：最适合本机的最快引擎。</translation>
        </message>
        <message>
            <source>Offline:</source>
            <translation>离线安装：</translation>
        </message>
        <message>
            <source>Folder of wheels, for a computer without network. Empty: from the network.</source>
            <translation>存放 wheel 安装包的文件夹，供无网络的计算机使用。留空：从网络安装。</translation>
        </message>
        <message>
            <source>from the network</source>
            <translation>从网络安装</translation>
        </message>
        <message>
            <source>Chooses a folder of wheels</source>
            <translation>选择 wheel 安装包文件夹</translation>
        </message>
        <message>
            <source>Installs what is missing. Packages of Slicer stay as they are.</source>
            <translation>安装缺少的包。Slicer 自带的包保持不变。</translation>
        </message>
        <message>
            <source>Install</source>
            <translation>安装</translation>
        </message>
        <message>
            <source>Imports every package in a process of its own, to find a broken installation</source>
            <translation>在单独的进程中逐个导入各包，检查安装是否损坏</translation>
        </message>
        <message>
            <source>Check</source>
            <translation>检查</translation>
        </message>
        <message>
            <source>Installs again what this extension installed</source>
            <translation>重新安装本扩展装过的包</translation>
        </message>
        <message>
            <source>Repair</source>
            <translation>修复</translation>
        </message>
        <message>
            <source>Removes the packages that this extension installed, and no others</source>
            <translation>移除本扩展装过的包，不影响其他包</translation>
        </message>
        <message>
            <source>Remove</source>
            <translation>移除</translation>
        </message>
        <message>
            <source>Log of the installation</source>
            <translation>安装日志</translation>
        </message>
        <message>
            <source>Copies versions and the installation log to the clipboard. Nothing about patients is in it.</source>
            <translation>将版本信息和安装日志复制到剪贴板。其中不含任何患者信息。</translation>
        </message>
        <message>
            <source>Copy report for support</source>
            <translation>复制报告（供技术支持）</translation>
        </message>
        <message>
            <source>The background process that holds the network</source>
            <translation>载有网络的后台进程</translation>
        </message>
        <message>
            <source>Ends the process that holds the network, and frees its memory. The next run starts it again.</source>
            <translation>结束载有网络的进程并释放其内存。下次运行时会重新启动。</translation>
        </message>
        <message>
            <source>Stop the background process</source>
            <translation>停止后台进程</translation>
        </message>
    </context>
    <context>
        <name>FindingsSection</name>
        <message>
            <source>Findings</source>
            <translation>检出病灶</translation>
        </message>
        <message>
            <source>The lesions that were found</source>
            <translation>检出的病灶列表</translation>
        </message>
        <message>
            <source>The shown result, where there are several</source>
            <translation>当前显示的结果（有多个结果时可选）</translation>
        </message>
        <message>
            <source>Number and total volume of the accepted lesions</source>
            <translation>已接受病灶的数目和总体积</translation>
        </message>
        <message>
            <source>Columns</source>
            <translation>列</translation>
        </message>
        <message>
            <source>Adds columns to the table: name, side, density, visibility. A right click on the header does the same.</source>
            <translation>为表格增加列：名称、侧别、密度、可见。在表头上点右键亦可。</translation>
        </message>
        <message>
            <source>Click a row, or use the arrow keys, to see the lesion in all views. Untick Accept to reject it.</source>
            <translation>点击一行或按方向键，各视图即定位到该病灶。取消勾选“接受”即排除该病灶。</translation>
        </message>
        <message>
            <source>Lesions under the minimum confidence, under 4 mm, or away from the lungs. They are no segments, and in no total.</source>
            <translation>低于最低置信度、小于 4 mm 或远离肺的病灶。不建立分割，也不计入合计。</translation>
        </message>
        <message>
            <source>Click a row, or use the arrow keys, to see the place in all views. Tick Accept to move the lesion up into the table.</source>
            <translation>点击一行或按方向键，各视图即定位到该处。勾选“接受”，病灶即移入上方列表。</translation>
        </message>
        <message>
            <source>Shows the lesions as surfaces in the 3D view</source>
            <translation>在三维视图中显示病灶表面</translation>
        </message>
        <message>
            <source>3D</source>
            <translation>三维</translation>
        </message>
        <message>
            <source>Draws the longest axial diameter of the largest and of the selected lesion, and the longest across it</source>
            <translation>画出最大病灶和所选病灶在轴位上的最长径及与之垂直的最长短径</translation>
        </message>
        <message>
            <source>Diameters</source>
            <translation>径线</translation>
        </message>
        <message>
            <source>Opens Segment Editor, to correct the outlines by hand</source>
            <translation>打开分割编辑器，手工修改轮廓</translation>
        </message>
        <message>
            <source>Edit</source>
            <translation>编辑</translation>
        </message>
        <message>
            <source>Copies the table to the clipboard, for a report or a spreadsheet</source>
            <translation>将表格复制到剪贴板，用于报告或电子表格</translation>
        </message>
        <message>
            <source>Copy table</source>
            <translation>复制表格</translation>
        </message>
        <message>
            <source>Writes segmentation, table and result record into a folder</source>
            <translation>将分割、表格和结果记录写入文件夹</translation>
        </message>
        <message>
            <source>Save...</source>
            <translation>保存…</translation>
        </message>
        <message>
            <source>Removes this result from the scene: segmentation, table and diameters</source>
            <translation>从场景中移除此结果：分割、表格和径线</translation>
        </message>
        <message>
            <source>Remove</source>
            <translation>移除</translation>
        </message>
        <message>
            <source>Save also</source>
            <translation>同时保存</translation>
        </message>
        <message>
            <source>What Save... writes beside its other files: a report, DICOM objects</source>
            <translation>“保存…”在其他文件之外另写入的内容：报告、DICOM 对象</translation>
        </message>
        <message>
            <source>Report</source>
            <translation>报告</translation>
        </message>
        <message>
            <source>Writes report.html: one page with pictures and measures of the accepted lesions, to read, print and pass on. It does not hold the patient's name.</source>
            <translation>写入 report.html：一页报告，含已接受病灶的图像和测量值，可阅读、打印和转交。其中不含患者姓名。</translation>
        </message>
        <message>
            <source>Report as PDF</source>
            <translation>PDF 报告</translation>
        </message>
        <message>
            <source>Writes report.pdf too, which takes some seconds</source>
            <translation>另写入 report.pdf，需数秒</translation>
        </message>
        <message>
            <source>DICOM segmentation</source>
            <translation>DICOM 分割</translation>
        </message>
        <message>
            <source>Writes seg.dcm: the accepted lesions, one segment each. It holds the patient's name.</source>
            <translation>写入 seg.dcm：已接受的病灶，每个病灶一个分割区。文件中含患者姓名。</translation>
        </message>
        <message>
            <source>DICOM report (SR)</source>
            <translation>DICOM 报告（SR）</translation>
        </message>
        <message>
            <source>Writes sr.dcm: the measurements of the accepted lesions, with the segmentation they refer to. It holds the patient's name.</source>
            <translation>写入 sr.dcm：已接受病灶的测量值，并附其所引用的分割。文件中含患者姓名。</translation>
        </message>
        <message>
            <source>I have reviewed every lesion of the table</source>
            <translation>我已审阅列表中的每个病灶</translation>
        </message>
        <message>
            <source>The objects say "reviewed", else "not reviewed". Each change of the lesions unticks it.</source>
            <translation>勾选后对象标注“reviewed”（已审阅），否则标注“not reviewed”（未审阅）。病灶每有改动，勾选即取消。</translation>
        </message>
        <message>
            <source>Add to Slicer's DICOM database</source>
            <translation>加入 Slicer 的 DICOM 数据库</translation>
        </message>
        <message>
            <source>Copies the objects into the database too, as series of the CT's study</source>
            <translation>同时将对象复制到数据库，作为该 CT 所属检查中的序列</translation>
        </message>
        <message>
            <source>What the last Save... wrote beside its usual files</source>
            <translation>上次“保存…”在常规文件之外写入的内容</translation>
        </message>
    </context>
    <context>
        <name>FollowUpSection</name>
        <message>
            <source>Follow-up</source>
            <translation>随访</translation>
        </message>
        <message>
            <source>Compares the chosen CT with another one of the same patient</source>
            <translation>将所选 CT 与同一患者的另一次 CT 比较</translation>
        </message>
        <message>
            <source>Other CT:</source>
            <translation>另一次 CT：</translation>
        </message>
        <message>
            <source>A CT of the same patient, of another date</source>
            <translation>同一患者另一日期的 CT</translation>
        </message>
        <message>
            <source>Choose a CT</source>
            <translation>选择 CT</translation>
        </message>
        <message>
            <source>Its date:</source>
            <translation>其日期：</translation>
        </message>
        <message>
            <source>year-month-day</source>
            <translation>年-月-日</translation>
        </message>
        <message>
            <source>Date of the other CT, from DICOM where it is known. Without dates there is no doubling time.</source>
            <translation>另一次 CT 的日期，已知时取自 DICOM。没有日期则不给出倍增时间。</translation>
        </message>
        <message>
            <source>This CT's date:</source>
            <translation>本次 CT 日期：</translation>
        </message>
        <message>
            <source>Date of the CT that is chosen at the top, from DICOM where it is known</source>
            <translation>上方所选 CT 的日期，已知时取自 DICOM</translation>
        </message>
        <message>
            <source>Same patient</source>
            <translation>同一患者</translation>
        </message>
        <message>
            <source>The CTs are of one patient, whatever their DICOM files say</source>
            <translation>无论 DICOM 文件如何记载，两次 CT 均属同一患者</translation>
        </message>
        <message>
            <source>Compare</source>
            <translation>比较</translation>
        </message>
        <message>
            <source>Finds the lesions of both CTs and follows each from one to the other</source>
            <translation>检出两次 CT 的病灶，并逐一对应随访</translation>
        </message>
        <message>
            <source>What is being done; after a comparison its warnings</source>
            <translation>正在进行的步骤；比较结束后为警告</translation>
        </message>
        <message>
            <source>Click a row, or use the arrow keys, to see its place in both CTs. Tick a number to make the lesion a RECIST target.</source>
            <translation>单击一行或使用方向键，可在两次 CT 中查看其位置。勾选编号可将该病灶设为 RECIST 靶病灶。</translation>
        </message>
        <message>
            <source>The selected lesion in both CTs, its doubling time, and why it is taken for the same one</source>
            <translation>所选病灶在两次 CT 中的情况、倍增时间以及判为同一病灶的依据</translation>
        </message>
        <message>
            <source>Sum of the longest axial diameters of the ticked lesions in both CTs</source>
            <translation>所勾选病灶在两次 CT 中的轴位最长径之和</translation>
        </message>
        <message>
            <source>Response of the target lesions: a suggestion, which you may change</source>
            <translation>靶病灶疗效：仅为建议，可更改</translation>
        </message>
        <message>
            <source>The rule of RECIST 1.1 that the suggestion rests on</source>
            <translation>该建议所依据的 RECIST 1.1 规则</translation>
        </message>
        <message>
            <source>Side by side</source>
            <translation>并排显示</translation>
        </message>
        <message>
            <source>Shows both CTs beside each other; they scroll together, at the same anatomical place</source>
            <translation>并排显示两次 CT；两者在相同解剖位置同步滚动</translation>
        </message>
        <message>
            <source>Copy table</source>
            <translation>复制表格</translation>
        </message>
        <message>
            <source>Copies the comparison to the clipboard, for a report or a spreadsheet</source>
            <translation>将比较结果复制到剪贴板，用于报告或电子表格</translation>
        </message>
    </context>
    <context>
        <name>InputSection</name>
        <message>
            <source>Input</source>
            <translation>输入</translation>
        </message>
        <message>
            <source>The chest CT to segment</source>
            <translation>要分割的胸部 CT</translation>
        </message>
        <message>
            <source>CT:</source>
            <translation>CT：</translation>
        </message>
        <message>
            <source>The chest CT to segment. Label maps and colour images are not listed.</source>
            <translation>要分割的胸部 CT。不列出标签图和彩色图像。</translation>
        </message>
        <message>
            <source>Choose a chest CT</source>
            <translation>请选择胸部 CT</translation>
        </message>
        <message>
            <source>Matrix and voxel size of the chosen CT, or why it cannot be used</source>
            <translation>所选 CT 的矩阵和体素大小，或不能使用的原因</translation>
        </message>
        <message>
            <source>Window:</source>
            <translation>窗宽窗位：</translation>
        </message>
        <message>
            <source>Lung window: -1350 to 150 HU</source>
            <translation>肺窗：-1350 至 150 HU</translation>
        </message>
        <message>
            <source>Lung</source>
            <translation>肺窗</translation>
        </message>
        <message>
            <source>Soft-tissue window for mediastinum and chest wall: -160 to 240 HU</source>
            <translation>软组织窗（纵隔和胸壁）：-160 至 240 HU</translation>
        </message>
        <message>
            <source>Soft tissue</source>
            <translation>软组织窗</translation>
        </message>
    </context>
    <context>
        <name>LungTumorSeg</name>
        <message>
            <source>Lung Tumor Segmentation</source>
            <translation>肺肿瘤分割</translation>
        </message>
        <message>
            <source>Finds, outlines and measures lung tumours in chest CT. Nothing leaves this computer. For research; not a medical device.</source>
            <translation>在胸部 CT 中检出、勾画并测量肺肿瘤。数据不会离开本机。仅供科研，不是医疗器械。</translation>
        </message>
        <message>
            <source>The bundled model is trained on public chest CTs; its card (Resources/Models/default/model.json) lists the data sets and their licences.</source>
            <translation>自带模型用公开的胸部 CT 训练；模型说明（Resources/Models/default/model.json）列出了各数据集及其许可证。</translation>
        </message>
    </context>
    <context>
        <name>MapsSection</name>
        <message>
            <source>Maps</source>
            <translation>概率图与热图</translation>
        </message>
        <message>
            <source>Shows the output of the network as colours over the CT</source>
            <translation>以彩色叠加方式在 CT 上显示网络输出</translation>
        </message>
        <message>
            <source>Map:</source>
            <translation>图像：</translation>
        </message>
        <message>
            <source>Probability: of tumour, around all candidates. Uncertainty: how much the probability of the selected lesion varies when the CT is mirrored. Heat map: the tissue on which the network relies for the selected lesion.</source>
            <translation>概率：所有候选区域周围的肿瘤概率。不确定性：CT 镜像后选中病灶的概率变化幅度。热图：网络判断选中病灶时所依据的组织。</translation>
        </message>
        <message>
            <source>Show</source>
            <translation>显示</translation>
        </message>
        <message>
            <source>Shows the chosen map over the slices</source>
            <translation>在切片上叠加显示所选图像</translation>
        </message>
        <message>
            <source>Hide</source>
            <translation>隐藏</translation>
        </message>
        <message>
            <source>Hides the map</source>
            <translation>隐藏叠加图像</translation>
        </message>
        <message>
            <source>Opacity:</source>
            <translation>不透明度：</translation>
        </message>
        <message>
            <source>Opacity of the colours over the CT</source>
            <translation>叠加颜色的不透明度</translation>
        </message>
        <message>
            <source>Meaning of the colours, or what is missing</source>
            <translation>颜色的含义，或尚缺少的条件</translation>
        </message>
    </context>
    <context>
        <name>ReviewSection</name>
        <message>
            <source>Previous</source>
            <translation>上一个</translation>
        </message>
        <message>
            <source>Go to the previous lesion and zoom to it (key P)</source>
            <translation>转到上一个病灶并放大显示（按键 P）</translation>
        </message>
        <message>
            <source>Next</source>
            <translation>下一个</translation>
        </message>
        <message>
            <source>Go to the next lesion and zoom to it (key N)</source>
            <translation>转到下一个病灶并放大显示（按键 N）</translation>
        </message>
        <message>
            <source>Accept</source>
            <translation>接受</translation>
        </message>
        <message>
            <source>Accept the selected lesion (key K)</source>
            <translation>接受所选病灶（按键 K）</translation>
        </message>
        <message>
            <source>Reject</source>
            <translation>排除</translation>
        </message>
        <message>
            <source>Reject the selected lesion (key D)</source>
            <translation>排除所选病灶（按键 D）</translation>
        </message>
        <message>
            <source>Accept down to here</source>
            <translation>接受至此处</translation>
        </message>
        <message>
            <source>Accept the selected lesion and all above it, reject all below</source>
            <translation>接受所选病灶及其上方的全部病灶，排除其下方的全部病灶</translation>
        </message>
        <message>
            <source>Undo</source>
            <translation>撤销</translation>
        </message>
        <message>
            <source>Take back the last change of a result (key U)</source>
            <translation>撤销对结果的最近一次更改（按键 U）</translation>
        </message>
        <message>
            <source>Redo</source>
            <translation>重做</translation>
        </message>
        <message>
            <source>Make the change again that was taken back (key Shift+U)</source>
            <translation>重做已撤销的更改（按键 Shift+U）</translation>
        </message>
    </context>
    <context>
        <name>SegmentSection</name>
        <message>
            <source>Finds, outlines and measures lung tumours in the chosen CT</source>
            <translation>在所选 CT 中检出、勾画并测量肺肿瘤</translation>
        </message>
        <message>
            <source>Segment</source>
            <translation>分割</translation>
        </message>
        <message>
            <source>How much of the run is done</source>
            <translation>本次运行的进度</translation>
        </message>
        <message>
            <source>What is being done; after a run its engine, device, precision and duration</source>
            <translation>正在进行的步骤；运行结束后为引擎、设备、精度和用时</translation>
        </message>
        <message>
            <source>The last error</source>
            <translation>最近一次错误</translation>
        </message>
        <message>
            <source>What went wrong and what to do</source>
            <translation>出错原因和处理办法</translation>
        </message>
        <message>
            <source>Copies the full message with the technical details to the clipboard</source>
            <translation>将完整信息（含技术细节）复制到剪贴板</translation>
        </message>
        <message>
            <source>Copy log</source>
            <translation>复制日志</translation>
        </message>
        <message>
            <source>Hides this message</source>
            <translation>关闭此信息</translation>
        </message>
        <message>
            <source>Close</source>
            <translation>关闭</translation>
        </message>
    </context>
    <context>
        <name>install.installer</name>
        <message>
            <source>Importing {0} ended the test process (code {1}). Click Repair.</source>
            <translation>导入 {0} 时测试进程意外结束（代码 {1}）。请点击“修复”。</translation>
        </message>
        <message>
            <source>Everything needed is installed and works.</source>
            <translation>所需的包均已安装，可正常使用。</translation>
        </message>
        <message>
            <source>The disk is full.</source>
            <translation>磁盘已满。</translation>
        </message>
        <message>
            <source>The network's certificate is not trusted (a proxy?).</source>
            <translation>网络证书不受信任（是否使用了代理？）。</translation>
        </message>
        <message>
            <source>The package server cannot be reached; use a folder of wheels, or ask for network access.</source>
            <translation>无法连接软件包服务器；请改用 wheel 安装包文件夹，或申请网络权限。</translation>
        </message>
        <message>
            <source>It would change packages of Slicer or of another extension.</source>
            <translation>安装会改动 Slicer 或其他扩展的包。</translation>
        </message>
        <message>
            <source>Slicer's Python folder, or a file in it, cannot be written.</source>
            <translation>Slicer 的 Python 文件夹或其中的文件无法写入。</translation>
        </message>
        <message>
            <source>A package is not there for this computer.</source>
            <translation>有一个包没有适用于本机的版本。</translation>
        </message>
        <message>
            <source>The installation failed: {0}</source>
            <translation>安装失败：{0}</translation>
        </message>
        <message>
            <source>This extension has installed nothing.</source>
            <translation>本扩展未安装过任何包。</translation>
        </message>
        <message>
            <source>An installation is already under way; wait until it has finished.</source>
            <translation>正在安装，请等待安装完成。</translation>
        </message>
        <message>
            <source>{0} packages were removed. Restart Slicer to free them.</source>
            <translation>已移除 {0} 个包。请重新启动 Slicer 以完全释放。</translation>
        </message>
        <message>
            <source>Nothing was installed. {0} ({1})</source>
            <translation>未安装任何包。{0}（{1}）</translation>
        </message>
        <message>
            <source>{0} packages were installed; nothing of Slicer's was changed.</source>
            <translation>已安装 {0} 个包；Slicer 自带的包未作改动。</translation>
        </message>
        <message>
            <source>Not installed: {0}.</source>
            <translation>未安装：{0}。</translation>
        </message>
        <message>
            <source>Installed but broken: {0}. Click Repair.</source>
            <translation>已安装但损坏：{0}。请点击“修复”。</translation>
        </message>
        <message>
            <source>ONNX Runtime is already there ({0}).</source>
            <translation>ONNX Runtime 已安装（{0}）。</translation>
        </message>
    </context>
    <context>
        <name>install.packages</name>
        <message>
            <source>No GPU that can be used: OpenVINO, the fastest on processors.</source>
            <translation>没有可用的 GPU：使用处理器上最快的 OpenVINO。</translation>
        </message>
        <message>
            <source>TensorFlow on the processor: there is no GPU for it here.</source>
            <translation>TensorFlow 在处理器上运行：本机没有可供其使用的 GPU。</translation>
        </message>
        <message>
            <source>Windows: ONNX Runtime with DirectML, for GPUs of any make (its GPU path was not tried by us).</source>
            <translation>Windows：使用带 DirectML 的 ONNX Runtime，适用于各品牌 GPU（GPU 部分未经我们测试）。</translation>
        </message>
        <message>
            <source>macOS: ONNX Runtime, with CoreML where it is there (its GPU path was not tried by us).</source>
            <translation>macOS：使用 ONNX Runtime，可用时启用 CoreML（GPU 部分未经我们测试）。</translation>
        </message>
        <message>
            <source>ONNX Runtime on the processor.</source>
            <translation>ONNX Runtime 在处理器上运行。</translation>
        </message>
        <message>
            <source>An NVIDIA GPU is there: TensorFlow with CUDA.</source>
            <translation>检测到 NVIDIA GPU：使用带 CUDA 的 TensorFlow。</translation>
        </message>
        <message>
            <source>Slicer's Python folder can be written.</source>
            <translation>Slicer 的 Python 文件夹可以写入。</translation>
        </message>
        <message>
            <source>Python {0}</source>
            <translation>Python {0}</translation>
        </message>
        <message>
            <source>Disk: {0:.1f} GB free, {1:.1f} GB asked for.</source>
            <translation>磁盘：剩余 {0:.1f} GB，需要 {1:.1f} GB。</translation>
        </message>
        <message>
            <source>Slicer {0}.{1}</source>
            <translation>Slicer {0}.{1}</translation>
        </message>
        <message>
            <source>Slicer {0}.{1} is too old; this extension needs 5.10 or newer.</source>
            <translation>Slicer {0}.{1} 版本过低；本扩展需要 5.10 或更新版本。</translation>
        </message>
        <message>
            <source>Slicer's Python folder cannot be written: {0}. Install Slicer into your own folder.</source>
            <translation>Slicer 的 Python 文件夹无法写入：{0}。请将 Slicer 安装到您自己的文件夹。</translation>
        </message>
        <message>
            <source>Folder of wheels: {0} files in {1}</source>
            <translation>wheel 安装包文件夹：{1} 中有 {0} 个文件</translation>
        </message>
    </context>
    <context>
        <name>panel.adjust</name>
        <message>
            <source>Selected lesion:</source>
            <translation>选中的病灶：</translation>
        </message>
        <message>
            <source>{0}:</source>
            <translation>{0}：</translation>
        </message>
    </context>
    <context>
        <name>panel.advanced</name>
        <message>
            <source>Folder of a model</source>
            <translation>模型文件夹</translation>
        </message>
        <message>
            <source>{model} (bundled)</source>
            <translation>{model}（自带）</translation>
        </message>
    </context>
    <context>
        <name>panel.click</name>
        <message>
            <source>Click on a lesion in a slice view; with Ctrl (Mac: Command) to reject it, Esc to end.</source>
            <translation>请在切片视图中点击病灶；按住 Ctrl（Mac：Command）点击则排除；按 Esc 结束。</translation>
        </message>
        <message>
            <source>Looking ...</source>
            <translation>正在勾画…</translation>
        </message>
        <message>
            <source>This view shows the other CT. Click in the view of the chosen one.</source>
            <translation>此视图显示的是另一次 CT。请在所选 CT 的视图中点击。</translation>
        </message>
        <message>
            <source>Nothing was found there.</source>
            <translation>该处未检出病灶。</translation>
        </message>
        <message>
            <source>There is no lesion at this point.</source>
            <translation>该点处没有病灶。</translation>
        </message>
        <message>
            <source>Found: {0}</source>
            <translation>已检出：{0}</translation>
        </message>
        <message>
            <source>Rejected: {0}; its tick in the table takes it back</source>
            <translation>已排除：{0}；在表格中重新勾选即可恢复</translation>
        </message>
    </context>
    <context>
        <name>panel.compare</name>
        <message>
            <source>Computes Dice, volumes and diameters</source>
            <translation>计算 Dice 系数、体积和直径</translation>
        </message>
        <message>
            <source>Needs a result and another segmentation</source>
            <translation>需要有结果和另一个分割</translation>
        </message>
        <message>
            <source>Dice {0:.3f}
Volume: {1:.2f} ml here, {2:.2f} ml in the other
Longest diameter: {3:.1f} mm here, {4:.1f} mm in the other</source>
            <translation>Dice 系数 {0:.3f}
体积：本结果 {1:.2f} ml，对照 {2:.2f} ml
最长径：本结果 {3:.1f} mm，对照 {4:.1f} mm</translation>
        </message>
    </context>
    <context>
        <name>panel.environment</name>
        <message>
            <source>Remove the packages that LungTumorSeg installed? Segmenting will need them again.</source>
            <translation>移除 LungTumorSeg 安装的包？再次分割时需要重新安装。</translation>
        </message>
        <message>
            <source>Working ...</source>
            <translation>正在处理…</translation>
        </message>
        <message>
            <source>Folder of wheels</source>
            <translation>wheel 安装包文件夹</translation>
        </message>
        <message>
            <source>The background process is not running.</source>
            <translation>后台进程未运行。</translation>
        </message>
        <message>
            <source>Packages are missing ({0}); install them under Environment.</source>
            <translation>缺少软件包（{0}）；请在“运行环境”中安装。</translation>
        </message>
        <message>
            <source>{0} is not installed; install it under Environment, or choose another engine.</source>
            <translation>{0} 未安装；请在“运行环境”中安装，或选择其他引擎。</translation>
        </message>
        <message>
            <source>The background process is running (number {0}).</source>
            <translation>后台进程正在运行（进程号 {0}）。</translation>
        </message>
        <message>
            <source>Missing: {0}. {1}</source>
            <translation>缺少：{0}。{1}</translation>
        </message>
        <message>
            <source>Installed: {0}.</source>
            <translation>已安装：{0}。</translation>
        </message>
    </context>
    <context>
        <name>panel.findings</name>
        <message>
            <source>No result yet</source>
            <translation>尚无结果</translation>
        </message>
        <message>
            <source>No lesion is listed. What is less likely is below.</source>
            <translation>列表中没有病灶。可能性较低的见下方。</translation>
        </message>
        <message>
            <source>No lesion was found. A lower threshold, or a click on a lesion, may find one.</source>
            <translation>未检出病灶。可调低概率阈值，或直接点击病灶。</translation>
        </message>
        <message>
            <source>1 lesion</source>
            <translation>1 个病灶</translation>
        </message>
        <message>
            <source>{0}, {1} accepted, {2:.2f} ml</source>
            <translation>{0}，接受 {1} 个，共 {2:.2f} ml</translation>
        </message>
        <message>
            <source>{0} lesions</source>
            <translation>{0} 个病灶</translation>
        </message>
    </context>
    <context>
        <name>panel.findings_table</name>
        <message>
            <source>No.</source>
            <translation>编号</translation>
        </message>
        <message>
            <source>Name</source>
            <translation>名称</translation>
        </message>
        <message>
            <source>Side</source>
            <translation>侧别</translation>
        </message>
        <message>
            <source>mm</source>
            <translation>mm</translation>
        </message>
        <message>
            <source>ml</source>
            <translation>ml</translation>
        </message>
        <message>
            <source>HU</source>
            <translation>HU</translation>
        </message>
        <message>
            <source>Confidence</source>
            <translation>置信度</translation>
        </message>
        <message>
            <source>Visible</source>
            <translation>可见</translation>
        </message>
        <message>
            <source>Accept</source>
            <translation>接受</translation>
        </message>
        <message>
            <source>Number of the lesion, in the colour of its outline</source>
            <translation>病灶编号，颜色与其轮廓相同</translation>
        </message>
        <message>
            <source>Name; double-click to change it</source>
            <translation>名称；双击可修改</translation>
        </message>
        <message>
            <source>The patient's side: L left, R right</source>
            <translation>患者的左右侧</translation>
        </message>
        <message>
            <source>Longest diameter on an axial slice x the longest across it, in mm</source>
            <translation>轴位层面上的最长径 × 与之垂直的最长短径，单位 mm</translation>
        </message>
        <message>
            <source>Volume in millilitres</source>
            <translation>体积，单位 ml</translation>
        </message>
        <message>
            <source>Mean density in Hounsfield units</source>
            <translation>平均密度，单位 HU</translation>
        </message>
        <message>
            <source>Probability that this is a tumour, as the model sees it</source>
            <translation>模型给出的该病灶为肿瘤的概率</translation>
        </message>
        <message>
            <source>Ticked: shown in the views</source>
            <translation>勾选：在视图中显示</translation>
        </message>
        <message>
            <source>Ticked: accepted. Unticked: rejected, shown in grey and left out of totals</source>
            <translation>勾选：接受。不勾选：排除，以灰色显示且不计入合计</translation>
        </message>
        <message>
            <source>L</source>
            <translation>左</translation>
        </message>
        <message>
            <source>R</source>
            <translation>右</translation>
        </message>
        <message>
            <source>{0}: edited by hand; thresholds do not change it</source>
            <translation>{0}：已手工修改，不再随阈值变化</translation>
        </message>
    </context>
    <context>
        <name>panel.follow_up</name>
        <message>
            <source>Cancel</source>
            <translation>取消</translation>
        </message>
        <message>
            <source>Compare</source>
            <translation>比较</translation>
        </message>
        <message>
            <source>Finds the lesions of both CTs and follows each from one to the other</source>
            <translation>检出两次 CT 的病灶，并逐一对应随访</translation>
        </message>
        <message>
            <source>Choose another CT of the same patient.</source>
            <translation>请选择同一患者的另一次 CT。</translation>
        </message>
        <message>
            <source>This is the CT that is looked at already. Choose one of another date.</source>
            <translation>这就是当前所看的 CT。请选择另一日期的 CT。</translation>
        </message>
        <message>
            <source>The lesions have changed since they were compared: press Compare again.</source>
            <translation>比较之后病灶已有变化：请再次点击“比较”。</translation>
        </message>
        <message>
            <source>Waiting</source>
            <translation>等待中</translation>
        </message>
        <message>
            <source>{0} is no date. Write it as year-month-day, for example 2024-01-05.</source>
            <translation>{0} 不是日期。请按年-月-日填写，例如 2024-01-05。</translation>
        </message>
    </context>
    <context>
        <name>panel.follow_up_table</name>
        <message>
            <source>new</source>
            <translation>新发</translation>
        </message>
        <message>
            <source>gone</source>
            <translation>消失</translation>
        </message>
        <message>
            <source>growing</source>
            <translation>增大</translation>
        </message>
        <message>
            <source>stable</source>
            <translation>稳定</translation>
        </message>
        <message>
            <source>shrinking</source>
            <translation>缩小</translation>
        </message>
        <message>
            <source>merged</source>
            <translation>融合</translation>
        </message>
        <message>
            <source>split</source>
            <translation>分裂</translation>
        </message>
        <message>
            <source>not compared</source>
            <translation>未比较</translation>
        </message>
        <message>
            <source>No.</source>
            <translation>编号</translation>
        </message>
        <message>
            <source>Change</source>
            <translation>变化</translation>
        </message>
        <message>
            <source>mm</source>
            <translation>mm</translation>
        </message>
        <message>
            <source>vol. %</source>
            <translation>体积 %</translation>
        </message>
        <message>
            <source>Doubles</source>
            <translation>倍增</translation>
        </message>
        <message>
            <source>Number of the lesion in the comparison. Ticked: it is a RECIST target.</source>
            <translation>病灶在比较中的编号。勾选：为 RECIST 靶病灶。</translation>
        </message>
        <message>
            <source>What became of the lesion from the earlier CT to the later one</source>
            <translation>病灶从较早 CT 到较晚 CT 的转归</translation>
        </message>
        <message>
            <source>Change of the longest axial diameter and its error, in mm</source>
            <translation>轴位最长径的变化及其误差，单位 mm</translation>
        </message>
        <message>
            <source>Change of the volume and its error, in percent</source>
            <translation>体积变化及其误差，单位 %</translation>
        </message>
        <message>
            <source>Doubling time of the volume, in days</source>
            <translation>体积倍增时间，单位天</translation>
        </message>
        <message>
            <source>Lesion {0}: {1}; then {2}.</source>
            <translation>病灶 {0}：{1}；之后 {2}。</translation>
        </message>
        <message>
            <source>Doubling time: {0:.0f} days ({1:.0f} to {2:.0f}).</source>
            <translation>倍增时间：{0:.0f} 天（{1:.0f} 至 {2:.0f}）。</translation>
        </message>
        <message>
            <source>not seen</source>
            <translation>未见</translation>
        </message>
        <message>
            <source>{0:.1f} mm, {1:.2f} ml</source>
            <translation>{0:.1f} mm, {1:.2f} ml</translation>
        </message>
        <message>
            <source>No doubling time: {0}.</source>
            <translation>无倍增时间：{0}。</translation>
        </message>
        <message>
            <source>{0} (found by a click)</source>
            <translation>{0}（点击检出）</translation>
        </message>
    </context>
    <context>
        <name>panel.input</name>
        <message>
            <source>Load a chest CT, or choose one.</source>
            <translation>请载入或选择胸部 CT。</translation>
        </message>
        <message>
            <source>Choose a chest CT first.</source>
            <translation>请先选择胸部 CT。</translation>
        </message>
        <message>
            <source>{0} voxels of {1} mm</source>
            <translation>{0} 体素，每体素 {1} mm</translation>
        </message>
        <message>
            <source>Outside the model's training data; check the result with care. {0}</source>
            <translation>超出模型的训练范围，请仔细核对结果。{0}</translation>
        </message>
    </context>
    <context>
        <name>panel.less_likely</name>
        <message>
            <source>Tick: moves the lesion up into the table, where it stays</source>
            <translation>勾选：病灶移入上方列表并保留在其中</translation>
        </message>
        <message>
            <source>Less likely ({0})</source>
            <translation>可能性较低（{0}）</translation>
        </message>
    </context>
    <context>
        <name>panel.maps</name>
        <message>
            <source>Shows the chosen map over the slices</source>
            <translation>在切片上叠加显示所选图像</translation>
        </message>
        <message>
            <source>There is no result yet.</source>
            <translation>尚无结果。</translation>
        </message>
        <message>
            <source>Wait until the network has ended.</source>
            <translation>请等待网络运行结束。</translation>
        </message>
        <message>
            <source>Select a lesion in the table of findings.</source>
            <translation>请在病灶列表中选择一个病灶。</translation>
        </message>
        <message>
            <source>Shown: the probability of tumour, in percent.</source>
            <translation>当前显示：肿瘤概率（百分数）。</translation>
        </message>
        <message>
            <source>The network saw nothing in this CT.</source>
            <translation>网络在此 CT 中未检出任何区域。</translation>
        </message>
        <message>
            <source>Shown: on what the network relies for {0}, on one slice; red speaks for a tumour, blue against it. The lesion's mean probability is {1:.0f} % there; the legend says by how much it falls without that tissue.</source>
            <translation>当前显示：在一个层面上，网络判断 {0} 的依据；红色支持肿瘤，蓝色反对。病灶在该层面的平均概率为 {1:.0f} %；图例表示去掉该处组织后概率下降多少。</translation>
        </message>
        <message>
            <source>Uncertainty</source>
            <translation>不确定性</translation>
        </message>
        <message>
            <source>Fall of probability</source>
            <translation>概率下降</translation>
        </message>
        <message>
            <source>Shown: how much the probability of {0} varies when the CT is mirrored; 0 is sure.</source>
            <translation>当前显示：CT 镜像后 {0} 的概率变化幅度；0 表示确定。</translation>
        </message>
        <message>
            <source>Tumour (%)</source>
            <translation>肿瘤概率（%）</translation>
        </message>
    </context>
    <context>
        <name>panel.panel</name>
        <message>
            <source>Packages are being installed; wait until that has finished.</source>
            <translation>正在安装软件包，请等待完成。</translation>
        </message>
        <message>
            <source>Cancelled; the scene is as it was before.</source>
            <translation>已取消；场景与运行之前相同。</translation>
        </message>
    </context>
    <context>
        <name>panel.parameters</name>
        <message>
            <source>Automatic</source>
            <translation>自动</translation>
        </message>
        <message>
            <source>Probability</source>
            <translation>概率</translation>
        </message>
        <message>
            <source>Uncertainty</source>
            <translation>不确定性</translation>
        </message>
        <message>
            <source>Heat map</source>
            <translation>热图</translation>
        </message>
        <message>
            <source>Processor (CPU)</source>
            <translation>处理器（CPU）</translation>
        </message>
        <message>
            <source>Graphics card (GPU)</source>
            <translation>显卡（GPU）</translation>
        </message>
    </context>
    <context>
        <name>panel.recist</name>
        <message>
            <source>CR, complete response</source>
            <translation>CR，完全缓解</translation>
        </message>
        <message>
            <source>PR, partial response</source>
            <translation>PR，部分缓解</translation>
        </message>
        <message>
            <source>SD, stable disease</source>
            <translation>SD，疾病稳定</translation>
        </message>
        <message>
            <source>PD, progressive disease</source>
            <translation>PD，疾病进展</translation>
        </message>
        <message>
            <source>NE, not evaluable</source>
            <translation>NE，无法评价</translation>
        </message>
        <message>
            <source>all target lesions have disappeared</source>
            <translation>所有靶病灶均已消失</translation>
        </message>
        <message>
            <source>the sum of diameters is at least 30 % smaller than at baseline</source>
            <translation>直径之和较基线至少缩小 30 %</translation>
        </message>
        <message>
            <source>neither enough shrinkage for PR nor enough growth for PD</source>
            <translation>缩小未达 PR，增大未达 PD</translation>
        </message>
        <message>
            <source>the sum of diameters is at least 20 % and 5 mm larger than the smallest sum so far</source>
            <translation>直径之和较此前最小值至少增大 20 % 且增大 5 mm 以上</translation>
        </message>
        <message>
            <source>a target lesion was not compared</source>
            <translation>有靶病灶未能比较</translation>
        </message>
        <message>
            <source>RECIST 1.1: no lesion is a target. Tick the number of one of the earlier CT.</source>
            <translation>RECIST 1.1：没有靶病灶。请勾选较早 CT 中某一病灶的编号。</translation>
        </message>
        <message>
            <source>not known</source>
            <translation>未知</translation>
        </message>
        <message>
            <source>RECIST 1.1, sum of lesions {0}: {1}, then {2}.</source>
            <translation>RECIST 1.1，病灶 {0} 之和：{1}，之后 {2}。</translation>
        </message>
        <message>
            <source>Suggested: {0}: {1}.</source>
            <translation>建议：{0}：{1}。</translation>
        </message>
        <message>
            <source>A new lesion, if it is confirmed, is progressive disease (PD).</source>
            <translation>新发病灶若经证实，即为疾病进展（PD）。</translation>
        </message>
        <message>
            <source>{0:.1f} mm</source>
            <translation>{0:.1f} mm</translation>
        </message>
    </context>
    <context>
        <name>panel.saving</name>
        <message>
            <source>The files are being written</source>
            <translation>正在写入文件</translation>
        </message>
        <message>
            <source>Tick what is to be written first.</source>
            <translation>请先勾选要写入的内容。</translation>
        </message>
        <message>
            <source>There is no result yet.</source>
            <translation>尚无结果。</translation>
        </message>
        <message>
            <source>Only for a CT of Slicer's DICOM database: the objects refer to its files. Import the CT in the module DICOM, load it there and segment it.</source>
            <translation>仅用于来自 Slicer DICOM 数据库的 CT：对象要引用其文件。请在 DICOM 模块中导入并加载该 CT，然后再分割。</translation>
        </message>
        <message>
            <source>Folder for the results</source>
            <translation>保存结果的文件夹</translation>
        </message>
        <message>
            <source>No lesion is accepted, so no DICOM object was written.</source>
            <translation>没有已接受的病灶，因此未写入 DICOM 对象。</translation>
        </message>
        <message>
            <source>Written, marked "reviewed": {0}.</source>
            <translation>已写入，标注“reviewed”（已审阅）：{0}。</translation>
        </message>
        <message>
            <source>Written, marked "not reviewed": {0}.</source>
            <translation>已写入，标注“not reviewed”（未审阅）：{0}。</translation>
        </message>
        <message>
            <source>There is a result in {0} already. Replace it?</source>
            <translation>{0} 中已有结果。是否替换？</translation>
        </message>
        <message>
            <source>Results were saved in {0}</source>
            <translation>结果已保存到 {0}</translation>
        </message>
        <message>
            <source>They are in Slicer's DICOM database.</source>
            <translation>它们已在 Slicer 的 DICOM 数据库中。</translation>
        </message>
        <message>
            <source>Lesions are being measured: {0}</source>
            <translation>正在测量病灶：{0}</translation>
        </message>
        <message>
            <source>The report is being drawn: lesion {0}</source>
            <translation>正在绘制报告：病灶 {0}</translation>
        </message>
        <message>
            <source>The Python package highdicom is missing. Slicer 5.12 brings it. In an older one, type this into the Python console: {0}</source>
            <translation>缺少 Python 包 highdicom。Slicer 5.12 自带该包。在旧版本中，请在 Python 控制台输入：{0}</translation>
        </message>
        <message>
            <source>The report needs Python packages that Slicer lacks. Type this into the Python console: {0}</source>
            <translation>报告需要 Slicer 所缺的 Python 包。请在 Python 控制台中输入：{0}</translation>
        </message>
        <message>
            <source>Written: {0}.</source>
            <translation>已写入：{0}。</translation>
        </message>
    </context>
    <context>
        <name>panel.segment</name>
        <message>
            <source>Starting</source>
            <translation>正在启动</translation>
        </message>
        <message>
            <source>Finding the lungs</source>
            <translation>正在分割肺部</translation>
        </message>
        <message>
            <source>Loading the network</source>
            <translation>正在载入网络</translation>
        </message>
        <message>
            <source>Segmenting slices</source>
            <translation>正在分割轴位层面</translation>
        </message>
        <message>
            <source>Segmenting coronal and sagittal slices</source>
            <translation>正在分割冠状位和矢状位层面</translation>
        </message>
        <message>
            <source>Rating each lesion</source>
            <translation>正在评估各病灶</translation>
        </message>
        <message>
            <source>Measuring lesions</source>
            <translation>正在测量病灶</translation>
        </message>
        <message>
            <source>Explaining the lesion</source>
            <translation>正在分析病灶</translation>
        </message>
        <message>
            <source>Registering both CTs</source>
            <translation>正在配准两次 CT</translation>
        </message>
        <message>
            <source>Looking for lesions that one CT alone shows</source>
            <translation>正在查找仅见于一次 CT 的病灶</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>取消</translation>
        </message>
        <message>
            <source>Segment</source>
            <translation>分割</translation>
        </message>
        <message>
            <source>Second CT: {0}</source>
            <translation>第二次 CT：{0}</translation>
        </message>
        <message>
            <source>{0}: {1} of {2}</source>
            <translation>{0}：{1}/{2}</translation>
        </message>
        <message>
            <source>{0}, {1:.0f} s left</source>
            <translation>{0}，剩余 {1:.0f} 秒</translation>
        </message>
        <message>
            <source>{0:.0f} s</source>
            <translation>{0:.0f} 秒</translation>
        </message>
        <message>
            <source>{0:.0f} min</source>
            <translation>{0:.0f} 分钟</translation>
        </message>
        <message>
            <source>Something unexpected went wrong ({0}: {1}).</source>
            <translation>发生意外错误（{0}：{1}）。</translation>
        </message>
        <message>
            <source>Stops; the scene stays as it was</source>
            <translation>停止；场景保持不变</translation>
        </message>
        <message>
            <source>Finds, outlines and measures lung tumours in the chosen CT</source>
            <translation>在所选 CT 中检出、勾画并测量肺肿瘤</translation>
        </message>
        <message>
            <source>Waiting</source>
            <translation>等待中</translation>
        </message>
        <message>
            <source>Engine, device, precision and duration of the run. {0}.</source>
            <translation>本次运行的引擎、设备、精度和用时。{0}。</translation>
        </message>
    </context>
    <context>
        <name>qSlicerAbstractCoreModule</name>
        <message>
            <source>Segmentation</source>
            <translation>分割</translation>
        </message>
    </context>
    <context>
        <name>slicer_.sample_data</name>
        <message>
            <source>Lung Tumor Segmentation</source>
            <translation>肺肿瘤分割</translation>
        </message>
    </context>
</TS>
