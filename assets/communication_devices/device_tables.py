"""The tables of communication devices, inverters, batteries and meters, and their columns."""

import pyarrow as pa

from assets.framework import (
    Table,
    column,
    extra_fields,
    flag,
    history_columns,
    instant,
    integer,
    name_of_code,
    number,
    table_schema,
    text,
)

COMMUNICATION_DEVICES_TABLE = Table(
    name="communication_devices",
    description="Communication devices of the account, one row per item and version.",
    schema=table_schema(
        {
            "communication_device_serial": text(
                "Communication device",
                "Serial number of the communication device; the inverter's if it has none.",
                "serial_number",
                nullable=False,
            ),
            "type": text("Type", "Type of connection, e.g. WIFI, LAN or GPRS.", "type"),
            "firmware_version": text(
                "Firmware", "Firmware of the communication device.", "firmware_version"
            ),
            "commissioned_at": instant(
                "Commissioned", "Time of commissioning, UTC.", "commission_date"
            ),
            "site_id": integer("Site", "Number of the site.", "site_id"),
            "inverter_serial": text(
                "Inverter", "Serial number of the connected inverter.", "inverter.serial"
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("communication_device_serial",),
    unversioned_columns=(),
)

INVERTERS_TABLE = Table(
    name="inverters",
    description="Inverters of the account, one row per item and version.",
    schema=table_schema(
        {
            "inverter_serial": text(
                "Inverter",
                "Serial number of the inverter; `behind …` with its communication device where it"
                " has none.",
                "inverter.serial",
                nullable=False,
            ),
            "communication_device_serial": text(
                "Communication device",
                "Serial number of its communication device.",
                "serial_number",
            ),
            "site_id": integer("Site", "Number of the site.", "site_id"),
            "status": text("Status", "Status as sent.", "inverter.status", codes="inverter_status"),
            "status_name": name_of_code("Status"),
            "last_online_at": instant(
                "Last online", "Last time online, UTC.", "inverter.last_online"
            ),
            "last_updated_at": instant(
                "Last updated", "Last time it sent data, UTC.", "inverter.last_updated"
            ),
            "commissioned_at": instant(
                "Commissioned", "Time of commissioning, UTC.", "inverter.commission_date"
            ),
            "model": text("Model", "Model of the inverter.", "inverter.info.model"),
            "battery_type": text(
                "Battery type", "Chemistry of the battery.", "inverter.info.battery_type"
            ),
            "battery_nominal_capacity_ah": number(
                "Battery capacity (Ah)",
                "Nominal capacity of the battery.",
                "inverter.info.battery.nominal_capacity",
            ),
            "battery_nominal_voltage_v": number(
                "Battery voltage (V)",
                "Nominal voltage of the battery.",
                "inverter.info.battery.nominal_voltage",
            ),
            "battery_depth_of_discharge": number(
                "Depth of discharge",
                "Usable share of the battery, 0 to 1; not documented, seen in recordings.",
                "inverter.info.battery.depth_of_discharge",
            ),
            "max_charge_rate_w": number(
                "Maximum charge rate (W)",
                "Maximum charging power of the battery.",
                "inverter.info.max_charge_rate",
            ),
            "max_discharge_rate_w": number(
                "Maximum discharge rate (W)",
                "Maximum discharging power of the battery; not documented, seen in recordings.",
                "inverter.info.max_discharge_rate",
            ),
            "warranty_type": text("Warranty", "Type of the warranty.", "inverter.warranty.type"),
            "warranty_expires_at": instant(
                "Warranty until", "End of the warranty, UTC.", "inverter.warranty.expiry_date"
            ),
            "firmware_arm": text(
                "ARM firmware", "Firmware of the ARM processor.", "inverter.firmware_version.ARM"
            ),
            "firmware_dsp": text(
                "DSP firmware", "Firmware of the DSP.", "inverter.firmware_version.DSP"
            ),
            "flags": column(
                pa.list_(pa.string()),
                "Flags",
                "Codes of features of the inverter; see domain inverter_flag of `codes`.",
                source="inverter.flags",
            ),
            "datalog": text(
                "Data logger",
                "JSON of the data logger of a Gateway; not documented, seen in recordings.",
                "inverter.connections.datalog",
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial",),
    unversioned_columns=("last_online_at", "last_updated_at"),
)

BATTERIES_TABLE = Table(
    name="batteries",
    description="Battery modules, one row per item and version, each counted once.",
    schema=table_schema(
        {
            "battery_id": text(
                "Battery module",
                "Serial number of the module, or its inverter and place if it has none.",
                nullable=False,
            ),
            "serial_number": text(
                "Serial number",
                "Serial number of the module.",
                "inverter.connections.batteries[].serial",
            ),
            "inverter_serial": text("Inverter", "Serial number of its inverter."),
            "module_number": integer(
                "Module",
                "Place in the stack, from 1.",
                "inverter.connections.batteries[].module_number",
            ),
            "firmware_version": text(
                "Firmware",
                "Firmware of the module.",
                "inverter.connections.batteries[].firmware_version",
            ),
            "capacity_full_ah": number(
                "Full capacity (Ah)",
                "Capacity when full.",
                "inverter.connections.batteries[].capacity.full",
            ),
            "capacity_design_ah": number(
                "Design capacity (Ah)",
                "Capacity by design.",
                "inverter.connections.batteries[].capacity.design",
            ),
            "cell_count": integer(
                "Cells", "Number of cells.", "inverter.connections.batteries[].cell_count"
            ),
            "has_usb": flag(
                "USB", "Whether it has a USB port.", "inverter.connections.batteries[].has_usb"
            ),
            "nominal_voltage_v": number(
                "Nominal voltage (V)",
                "Nominal voltage.",
                "inverter.connections.batteries[].nominal_voltage",
            ),
            **history_columns(),
        }
    ),
    key=("battery_id",),
    unversioned_columns=(),
)

METERS_TABLE = Table(
    name="inverter_meters",
    description="Meters connected to inverters, one row per item and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of its inverter.", nullable=False),
            "address": integer(
                "Address",
                "Address on the inverter's bus.",
                "inverter.connections.meters[].address",
                nullable=False,
            ),
            "serial_number": text(
                "Serial number", "Serial number.", "inverter.connections.meters[].serial_number"
            ),
            "manufacturer_code": text(
                "Manufacturer",
                "Code of the manufacturer, as sent.",
                "inverter.connections.meters[].manufacturer_code",
            ),
            "type_code": text(
                "Type",
                "Code of the type of meter; its meaning is not documented.",
                "inverter.connections.meters[].type_code",
            ),
            "hardware_version": text(
                "Hardware",
                "Hardware version.",
                "inverter.connections.meters[].hardware_version",
            ),
            "software_version": text(
                "Software",
                "Software version.",
                "inverter.connections.meters[].software_version",
            ),
            "baud_rate": integer(
                "Baud rate",
                "Speed of the bus, bits per second.",
                "inverter.connections.meters[].baud_rate",
            ),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "address"),
    unversioned_columns=(),
)
