"""Names of SMBIOS codes, spelt as dmidecode(8) spells them, so that a table and a recorded output give the same facts.

Source: SMBIOS specification (DMTF DSP0134) 3.7. "Other" and "Unknown" say nothing and are left out.
"""

# fmt: off

#: Section 7.3.2: baseboard board type.
BOARD_TYPES = {
    3: "Server Blade", 4: "Connectivity Switch", 5: "System Management Module", 6: "Processor Module",
    7: "I/O Module", 8: "Memory Module", 9: "Daughter Board", 10: "Motherboard", 11: "Processor+Memory Module",
    12: "Processor+I/O Module", 13: "Interconnect Board",
}

#: Section 7.4.1: system enclosure or chassis types, in lower case.
CHASSIS_TYPES = {
    1: "other", 3: "desktop", 4: "low profile desktop", 5: "pizza box", 6: "mini tower", 7: "tower", 8: "portable",
    9: "laptop", 10: "notebook", 11: "hand held", 12: "docking station", 13: "all in one", 14: "sub notebook",
    15: "space-saving", 16: "lunch box", 17: "main server chassis", 18: "expansion chassis", 19: "sub chassis",
    20: "bus expansion chassis", 21: "peripheral chassis", 22: "raid chassis", 23: "rack mount chassis",
    24: "sealed-case pc", 25: "multi-system chassis", 26: "compact pci", 27: "advanced tca", 28: "blade",
    29: "blade enclosure", 30: "tablet", 31: "convertible", 32: "detachable", 33: "iot gateway", 34: "embedded pc",
    35: "mini pc", 36: "stick pc",
}
#: The same where dmidecode spells it otherwise.
CHASSIS_ALIASES = {
    "multi-system": "multi-system chassis", "compactpci": "compact pci", "advancedtca": "advanced tca",
    "blade enclosing": "blade enclosure", "enclosure": "blade enclosure",
}

#: Section 7.5.2: processor family.
PROCESSOR_FAMILIES = {
    3: "8086", 4: "80286", 5: "80386", 6: "80486", 7: "8087", 8: "80287", 9: "80387", 10: "80487", 11: "Pentium",
    12: "Pentium Pro", 13: "Pentium II", 14: "Pentium MMX", 15: "Celeron", 16: "Pentium II Xeon", 17: "Pentium III",
    18: "M1", 19: "M2", 20: "Celeron M", 21: "Pentium 4 HT", 24: "Duron", 25: "K5", 26: "K6", 27: "K6-2", 28: "K6-3",
    29: "Athlon", 30: "AMD29000", 31: "K6-2+", 32: "Power PC", 33: "Power PC 601", 34: "Power PC 603",
    35: "Power PC 603+", 36: "Power PC 604", 37: "Power PC 620", 38: "Power PC x704", 39: "Power PC 750",
    40: "Core Duo", 41: "Core Duo Mobile", 42: "Core Solo Mobile", 43: "Atom", 44: "Core M", 45: "Core m3",
    46: "Core m5", 47: "Core m7", 48: "Alpha", 49: "Alpha 21064", 50: "Alpha 21066", 51: "Alpha 21164",
    52: "Alpha 21164PC", 53: "Alpha 21164a", 54: "Alpha 21264", 55: "Alpha 21364",
    56: "Turion II Ultra Dual-Core Mobile M", 57: "Turion II Dual-Core Mobile M", 58: "Athlon II Dual-Core M",
    59: "Opteron 6100", 60: "Opteron 4100", 61: "Opteron 6200", 62: "Opteron 4200", 63: "FX", 64: "MIPS",
    65: "MIPS R4000", 66: "MIPS R4200", 67: "MIPS R4400", 68: "MIPS R4600", 69: "MIPS R10000", 70: "C-Series",
    71: "E-Series", 72: "A-Series", 73: "G-Series", 74: "Z-Series", 75: "R-Series", 76: "Opteron 4300",
    77: "Opteron 6300", 78: "Opteron 3300", 79: "FirePro", 80: "SPARC", 81: "SuperSPARC", 82: "MicroSPARC II",
    83: "MicroSPARC IIep", 84: "UltraSPARC", 85: "UltraSPARC II", 86: "UltraSPARC IIi", 87: "UltraSPARC III",
    88: "UltraSPARC IIIi", 96: "68040", 97: "68xxx", 98: "68000", 99: "68010", 100: "68020", 101: "68030",
    102: "Athlon X4", 103: "Opteron X1000", 104: "Opteron X2000", 105: "Opteron A-Series", 106: "Opteron X3000",
    107: "Zen", 112: "Hobbit", 120: "Crusoe TM5000", 121: "Crusoe TM3000", 122: "Efficeon TM8000", 128: "Weitek",
    130: "Itanium", 131: "Athlon 64", 132: "Opteron", 133: "Sempron", 134: "Turion 64", 135: "Dual-Core Opteron",
    136: "Athlon 64 X2", 137: "Turion 64 X2", 138: "Quad-Core Opteron", 139: "Third-Generation Opteron",
    140: "Phenom FX", 141: "Phenom X4", 142: "Phenom X2", 143: "Athlon X2", 144: "PA-RISC", 145: "PA-RISC 8500",
    146: "PA-RISC 8000", 147: "PA-RISC 7300LC", 148: "PA-RISC 7200", 149: "PA-RISC 7100LC", 150: "PA-RISC 7100",
    160: "V30", 161: "Quad-Core Xeon 3200", 162: "Dual-Core Xeon 3000", 163: "Quad-Core Xeon 5300",
    164: "Dual-Core Xeon 5100", 165: "Dual-Core Xeon 5000", 166: "Dual-Core Xeon LV", 167: "Dual-Core Xeon ULV",
    168: "Dual-Core Xeon 7100", 169: "Quad-Core Xeon 5400", 170: "Quad-Core Xeon", 171: "Dual-Core Xeon 5200",
    172: "Dual-Core Xeon 7200", 173: "Quad-Core Xeon 7300", 174: "Quad-Core Xeon 7400", 175: "Multi-Core Xeon 7400",
    176: "Pentium III Xeon", 177: "Pentium III Speedstep", 178: "Pentium 4", 179: "Xeon", 180: "AS400",
    181: "Xeon MP", 182: "Athlon XP", 183: "Athlon MP", 184: "Itanium 2", 185: "Pentium M", 186: "Celeron D",
    187: "Pentium D", 188: "Pentium EE", 189: "Core Solo", 190: "Core 2 or K7", 191: "Core 2 Duo", 192: "Core 2 Solo",
    193: "Core 2 Extreme", 194: "Core 2 Quad", 195: "Core 2 Extreme Mobile", 196: "Core 2 Duo Mobile",
    197: "Core 2 Solo Mobile", 198: "Core i7", 199: "Dual-Core Celeron", 200: "IBM390", 201: "G4", 202: "G5",
    203: "ESA/390 G6", 204: "z/Architecture", 205: "Core i5", 206: "Core i3", 207: "Core i9", 210: "C7-M",
    211: "C7-D", 212: "C7", 213: "Eden", 214: "Multi-Core Xeon", 215: "Dual-Core Xeon 3xxx",
    216: "Quad-Core Xeon 3xxx", 217: "Nano", 218: "Dual-Core Xeon 5xxx", 219: "Quad-Core Xeon 5xxx",
    221: "Dual-Core Xeon 7xxx", 222: "Quad-Core Xeon 7xxx", 223: "Multi-Core Xeon 7xxx", 224: "Multi-Core Xeon 3400",
    228: "Opteron 3000", 229: "Sempron II", 230: "Embedded Opteron Quad-Core", 231: "Phenom Triple-Core",
    232: "Turion Ultra Dual-Core Mobile", 233: "Turion Dual-Core Mobile", 234: "Athlon Dual-Core", 235: "Sempron SI",
    236: "Phenom II", 237: "Athlon II", 238: "Six-Core Opteron", 239: "Sempron M", 250: "i860", 251: "i960",
    256: "ARMv7", 257: "ARMv8", 260: "SH-3", 261: "SH-4", 280: "ARM", 281: "StrongARM", 300: "6x86", 301: "MediaGX",
    302: "MII", 320: "WinChip", 350: "DSP", 500: "Video Processor", 512: "RV32", 513: "RV64", 514: "RV128",
}

#: Section 7.5.5: processor upgrade.
PROCESSOR_SOCKETS = {
    3: "Daughter Board", 4: "ZIF Socket", 5: "Replaceable Piggy Back", 6: "None", 7: "LIF Socket", 8: "Slot 1",
    9: "Slot 2", 10: "370-pin Socket", 11: "Slot A", 12: "Slot M", 13: "Socket 423", 14: "Socket A (Socket 462)",
    15: "Socket 478", 16: "Socket 754", 17: "Socket 940", 18: "Socket 939", 19: "Socket mPGA604", 20: "Socket LGA771",
    21: "Socket LGA775", 22: "Socket S1", 23: "Socket AM2", 24: "Socket F (1207)", 25: "Socket LGA1366",
    26: "Socket G34", 27: "Socket AM3", 28: "Socket C32", 29: "Socket LGA1156", 30: "Socket LGA1567",
    31: "Socket PGA988A", 32: "Socket BGA1288", 33: "Socket rPGA988B", 34: "Socket BGA1023", 35: "Socket BGA1224",
    36: "Socket BGA1155", 37: "Socket LGA1356", 38: "Socket LGA2011", 39: "Socket FS1", 40: "Socket FS2",
    41: "Socket FM1", 42: "Socket FM2", 43: "Socket LGA2011-3", 44: "Socket LGA1356-3", 45: "Socket LGA1150",
    46: "Socket BGA1168", 47: "Socket BGA1234", 48: "Socket BGA1364", 49: "Socket AM4", 50: "Socket LGA1151",
    51: "Socket BGA1356", 52: "Socket BGA1440", 53: "Socket BGA1515", 54: "Socket LGA3647-1", 55: "Socket SP3",
    56: "Socket SP3r2", 57: "Socket LGA2066", 58: "Socket BGA1392", 59: "Socket BGA1510", 60: "Socket BGA1528",
    61: "Socket LGA4189", 62: "Socket LGA1200", 63: "Socket LGA4677", 64: "Socket AM5", 65: "Socket SP5",
    66: "Socket SP6", 67: "Socket BGA883", 68: "Socket BGA1190", 69: "Socket BGA4129", 70: "Socket LGA4710",
    71: "Socket LGA7529", 72: "Socket BGA1964", 73: "Socket BGA1792", 74: "Socket BGA2049", 75: "Socket BGA2551",
    76: "Socket LGA1851", 77: "Socket BGA2114", 78: "Socket BGA2833",
}

#: Section 7.5: processor status, bits 2:0.
PROCESSOR_STATUS = {
    0: "Populated, Unknown", 1: "Populated, Enabled", 2: "Populated, Disabled By User",
    3: "Populated, Disabled By BIOS", 4: "Populated, Idle", 7: "Populated, Other",
}

#: Section 7.9.2: port connector types.
CONNECTORS = {
    0: "None", 1: "Centronics", 2: "Mini Centronics", 3: "Proprietary", 4: "DB-25 male", 5: "DB-25 female",
    6: "DB-15 male", 7: "DB-15 female", 8: "DB-9 male", 9: "DB-9 female", 10: "RJ-11", 11: "RJ-45",
    12: "50 Pin MiniSCSI", 13: "Mini DIN", 14: "Micro DIN", 15: "PS/2", 16: "Infrared", 17: "HP-HIL",
    18: "Access Bus (USB)", 19: "SSA SCSI", 20: "Circular DIN-8 male", 21: "Circular DIN-8 female",
    22: "On Board IDE", 23: "On Board Floppy", 24: "9 Pin Dual Inline (pin 10 cut)",
    25: "25 Pin Dual Inline (pin 26 cut)", 26: "50 Pin Dual Inline", 27: "68 Pin Dual Inline",
    28: "On Board Sound Input From CD-ROM", 29: "Mini Centronics Type-14", 30: "Mini Centronics Type-26",
    31: "Mini Jack (headphones)", 32: "BNC", 33: "IEEE 1394", 34: "SAS/SATA Plug Receptacle",
    35: "USB Type-C Receptacle", 160: "PC-98", 161: "PC-98 Hireso", 162: "PC-H98", 163: "PC-98 Note",
    164: "PC-98 Full",
}

#: Section 7.9.3: port types.
PORTS = {
    0: "None", 1: "Parallel Port XT/AT Compatible", 2: "Parallel Port PS/2", 3: "Parallel Port ECP",
    4: "Parallel Port EPP", 5: "Parallel Port ECP/EPP", 6: "Serial Port XT/AT Compatible",
    7: "Serial Port 16450 Compatible", 8: "Serial Port 16550 Compatible", 9: "Serial Port 16550A Compatible",
    10: "SCSI Port", 11: "MIDI Port", 12: "Joystick Port", 13: "Keyboard Port", 14: "Mouse Port", 15: "SSA SCSI",
    16: "USB", 17: "Firewire (IEEE P1394)", 18: "PCMCIA Type I", 19: "PCMCIA Type II", 20: "PCMCIA Type III",
    21: "Cardbus", 22: "Access Bus Port", 23: "SCSI II", 24: "SCSI Wide", 25: "PC-98", 26: "PC-98 Hireso",
    27: "PC-H98", 28: "Video Port", 29: "Audio Port", 30: "Modem Port", 31: "Network Port", 32: "SATA", 33: "SAS",
    160: "8251 Compatible", 161: "8251 FIFO Compatible",
}

#: Section 7.10.1: slot type.
SLOTS = {
    3: "ISA", 4: "MCA", 5: "EISA", 6: "PCI", 7: "PC Card (PCMCIA)", 8: "VLB", 9: "Proprietary", 10: "Processor Card",
    11: "Proprietary Memory Card", 12: "I/O Riser Card", 13: "NuBus", 14: "PCI-66", 15: "AGP", 16: "AGP 2x",
    17: "AGP 4x", 18: "PCI-X", 19: "AGP 8x", 20: "M.2 Socket 1-DP", 21: "M.2 Socket 1-SD", 22: "M.2 Socket 2",
    23: "M.2 Socket 3", 24: "MXM Type I", 25: "MXM Type II", 26: "MXM Type III", 27: "MXM Type III-HE",
    28: "MXM Type IV", 29: "MXM 3.0 Type A", 30: "MXM 3.0 Type B", 31: "PCI Express 2 SFF-8639 (U.2)",
    32: "PCI Express 3 SFF-8639 (U.2)", 33: "PCI Express Mini 52-pin with bottom-side keep-outs",
    34: "PCI Express Mini 52-pin without bottom-side keep-outs", 35: "PCI Express Mini 76-pin",
    36: "PCI Express 4 SFF-8639 (U.2)", 37: "PCI Express 5 SFF-8639 (U.2)", 38: "OCP NIC 3.0 Small Form Factor (SFF)",
    39: "OCP NIC 3.0 Large Form Factor (LFF)", 40: "OCP NIC Prior to 3.0", 48: "CXL FLexbus 1.0", 160: "PC-98/C20",
    161: "PC-98/C24", 162: "PC-98/E", 163: "PC-98/Local Bus", 164: "PC-98/Card", 165: "PCI Express",
    166: "PCI Express x1", 167: "PCI Express x2", 168: "PCI Express x4", 169: "PCI Express x8",
    170: "PCI Express x16", 171: "PCI Express 2", 172: "PCI Express 2 x1", 173: "PCI Express 2 x2",
    174: "PCI Express 2 x4", 175: "PCI Express 2 x8", 176: "PCI Express 2 x16", 177: "PCI Express 3",
    178: "PCI Express 3 x1", 179: "PCI Express 3 x2", 180: "PCI Express 3 x4", 181: "PCI Express 3 x8",
    182: "PCI Express 3 x16", 184: "PCI Express 4", 185: "PCI Express 4 x1", 186: "PCI Express 4 x2",
    187: "PCI Express 4 x4", 188: "PCI Express 4 x8", 189: "PCI Express 4 x16", 190: "PCI Express 5",
    191: "PCI Express 5 x1", 192: "PCI Express 5 x2", 193: "PCI Express 5 x4", 194: "PCI Express 5 x8",
    195: "PCI Express 5 x16", 196: "PCI Express 6+", 197: "EDSFF E1", 198: "EDSFF E3",
}

#: Section 7.10.5: the types whose slot ID is a number of the slot.
NUMBERED_SLOTS = frozenset({*range(4, 7), *range(14, 20), *range(31, 36), *range(165, 183), *range(184, 197)})

#: Section 7.10.2: slot data bus width.
SLOT_WIDTHS = {
    3: "8-bit", 4: "16-bit", 5: "32-bit", 6: "64-bit", 7: "128-bit", 8: "x1", 9: "x2", 10: "x4", 11: "x8", 12: "x12",
    13: "x16", 14: "x32",
}

#: Section 7.10.4: slot length.
SLOT_LENGTHS = {
    3: "Short", 4: "Long", 5: '2.5" drive form factor', 6: '3.5" drive form factor',
}

#: Section 7.10.3: current usage.
SLOT_USAGES = {
    3: "Available", 4: "In Use", 5: "Unavailable",
}

#: Section 7.17.2: memory array use.
ARRAY_USES = {
    3: "System Memory", 4: "Video Memory", 5: "Flash Memory", 6: "Non-volatile RAM", 7: "Cache Memory",
}

#: Section 7.17.3: memory array error correction types.
ERROR_CORRECTIONS = {
    3: "None", 4: "Parity", 5: "Single-bit ECC", 6: "Multi-bit ECC", 7: "CRC",
}

#: Section 7.7.1: memory module types, by bit.
MODULE_TYPES = {
    2: "Standard", 3: "FPM", 4: "EDO", 5: "Parity", 6: "ECC", 7: "SIMM", 8: "DIMM", 9: "Burst EDO", 10: "SDRAM",
}

#: Section 7.18.1: memory device form factor.
FORM_FACTORS = {
    3: "SIMM", 4: "SIP", 5: "Chip", 6: "DIP", 7: "ZIP", 8: "Proprietary Card", 9: "DIMM", 10: "TSOP",
    11: "Row Of Chips", 12: "RIMM", 13: "SODIMM", 14: "SRIMM", 15: "FB-DIMM", 16: "Die",
}

#: Section 7.18.2: memory device type.
MEMORY_TYPES = {
    3: "DRAM", 4: "EDRAM", 5: "VRAM", 6: "SRAM", 7: "RAM", 8: "ROM", 9: "Flash", 10: "EEPROM", 11: "FEPROM",
    12: "EPROM", 13: "CDRAM", 14: "3DRAM", 15: "SDRAM", 16: "SGRAM", 17: "RDRAM", 18: "DDR", 19: "DDR2",
    20: "DDR2 FB-DIMM", 24: "DDR3", 25: "FBD2", 26: "DDR4", 27: "LPDDR", 28: "LPDDR2", 29: "LPDDR3", 30: "LPDDR4",
    31: "Logical non-volatile device", 32: "HBM", 33: "HBM2", 34: "DDR5", 35: "LPDDR5", 36: "HBM3",
}

#: Section 7.18.3: memory device type detail, by bit.
MEMORY_DETAILS = {
    3: "Fast-paged", 4: "Static Column", 5: "Pseudo-static", 6: "RAMBus", 7: "Synchronous", 8: "CMOS", 9: "EDO",
    10: "Window DRAM", 11: "Cache DRAM", 12: "Non-Volatile", 13: "Registered (Buffered)",
    14: "Unbuffered (Unregistered)", 15: "LRDIMM",
}

#: Section 7.23.1: portable battery device chemistry.
BATTERY_CHEMISTRIES = {
    3: "Lead Acid", 4: "Nickel Cadmium", 5: "Nickel Metal Hydride", 6: "Lithium Ion", 7: "Zinc Air",
    8: "Lithium Polymer",
}

#: Section 7.39.1: BMC interface type.
IPMI_INTERFACES = {
    1: "KCS (Keyboard Control Style)", 2: "SMIC (Server Management Interface Chip)", 3: "BT (Block Transfer)",
    4: "SSIF (SMBus System Interface)",
}

#: Section 7.40.1: power supply type.
POWER_SUPPLY_TYPES = {
    3: "Linear", 4: "Switching", 5: "Battery", 6: "UPS", 7: "Converter", 8: "Regulator",
}

#: Section 7.40.1: power supply status.
POWER_SUPPLY_STATUS = {
    1: "Present, Other", 2: "Present, Unknown", 3: "Present, OK", 4: "Present, Non-critical", 5: "Present, Critical",
}

#: Sections 7.11.1 and 7.42.2: onboard device types.
ONBOARD_TYPES = {
    3: "Video", 4: "SCSI Controller", 5: "Ethernet", 6: "Token Ring", 7: "Sound", 8: "PATA Controller",
    9: "SATA Controller", 10: "SAS Controller", 11: "Wireless LAN", 12: "Bluetooth", 13: "WWAN", 14: "eMMC",
    15: "NVMe Controller", 16: "UFS Controller",
}
# fmt: on
