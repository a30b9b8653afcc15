"""The commands, grouped as the help lists them, and the modules that they are in."""

GROUPS = {
    "Fetch": {
        "plan": "plan_command",
        "backfill": "fetch_commands",
        "sync": "fetch_commands",
        "read-inverter": "read_inverter_command",
        "import": "import_command",
    },
    "Look": {
        "dashboard": "dashboard_command",
        "status": "status_command",
        "query": "query_command",
        "describe": "describe_command",
        "report": "report_command",
        "export": "export_command",
        "publish": "publish_command",
        "serve": "serve_command",
        "ui": "ui_command",
    },
    "Check": {
        "doctor": "doctor_command",
        "quarantine": "quarantine_command",
        "verify": "verify_command",
        "check": "maintenance_commands",
        "alert": "alert_command",
        "metrics": "metrics_command",
        "decode": "decode_command",
    },
    "Tell what the API does not know": {
        "roles": "command_group",
        "tariffs": "command_group",
    },
    "Keep": {
        "build": "build_command",
        "rebuild": "rebuild_command",
        "compact": "maintenance_commands",
        "forget": "maintenance_commands",
    },
    "Try and set up": {
        "demo": "demo_command",
        "simulator": "simulator_command",
        "accounts": "command_group",
        "completion": "completion_command",
        "code-server": "code_server_command",
    },
}
MODULES = {name: module for group in GROUPS.values() for name, module in group.items()}
# The commands of each group of commands, and their modules.
SUBCOMMANDS = {
    "accounts": {
        "list": "accounts_commands",
        "catalogue": "accounts_commands",
    },
    "roles": {
        "list": "roles_commands",
        "set": "roles_commands",
        "clear": "roles_commands",
    },
    "tariffs": {
        "load": "tariffs_commands",
        "list": "tariffs_commands",
        "check": "tariffs_commands",
        "use": "tariffs_commands",
        "forget": "tariffs_commands",
    },
}
# What the help says of each group of commands.
SENTENCES = {
    "accounts": "List the accounts of this machine, and unite them in one catalogue.",
    "roles": "Say what each inverter counts for in the figures of its site.",
    "tariffs": "Load and check tariffs, and say which was in force when.",
}
# Names of commands in earlier versions; they still work, but the help does not list them.
FORMER_NAMES = {"pack": "compact"}
# These use no data folder, one of their own, or those of all accounts.
WITHOUT_DATA = ("accounts", "completion", "describe", "simulator")
