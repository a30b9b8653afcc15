"""The local reader cannot write to an inverter, whatever command of the library is tried."""

import ast
import asyncio
import inspect
import itertools
import warnings
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from givenergy_modbus.client import commands
from givenergy_modbus.model import TimeSlot
from givenergy_modbus.pdu import ReadInputRegistersRequest
from givenergy_modbus.pdu.write_registers import WriteHoldingRegisterRequest

from pipelines.local_reader.read_only_client import ReadOnlyClient, WriteRefusedError
from tests.support.made_house import MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving

AT = datetime(2025, 6, 1, 12, tzinfo=UTC)
READER = Path(__file__).parents[2] / "pipelines/local_reader"
# One of them is a value that each command accepts.
CANDIDATES = (
    1,
    50,
    230,
    True,
    0.5,
    AT,
    TimeSlot(time(1), time(2)),
    time(1),
    commands.SINGLE_PHASE_SLOTS,
    commands.BatteryPauseMode(0),
    commands.ExportPriority(0),
)


def made_commands():
    """Return the names of the library's commands that write, and what each writes."""
    made, names = {}, set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, command in inspect.getmembers(commands, inspect.isfunction):
            if name.startswith("_") or command.__module__ != commands.__name__:
                continue
            names.add(name)
            needed = [
                each.name
                for each in inspect.signature(command).parameters.values()
                if each.default is each.empty
            ]
            for values in itertools.product(CANDIDATES, repeat=len(needed)):
                arguments = dict(zip(needed, values, strict=True))
                if "confirm" in inspect.signature(command).parameters:
                    arguments["confirm"] = True
                try:
                    requests = command(**arguments)
                    for each in requests:
                        each.ensure_valid_state()
                except Exception:
                    continue
                if any(isinstance(each, WriteHoldingRegisterRequest) for each in requests):
                    made[name] = requests
                    break
    return names, made


NAMES, COMMANDS = made_commands()


@pytest.fixture
def inverter():
    with serving(ModbusInverter(MadeHouse().registers, lambda: AT)) as served:
        yield served


def test_every_command_of_the_library_is_tried():
    assert len(COMMANDS) > 100
    assert NAMES - COMMANDS.keys() == {"refresh_plant_data"}


def test_no_command_of_the_library_reaches_the_inverter(inverter):
    async def attempt():
        client = ReadOnlyClient("127.0.0.1", inverter.port, tx_message_wait=0, tx_jitter=0)
        await client.connect()
        refused = 0
        for requests in COMMANDS.values():
            for send in (client.one_shot_command, client.installer_command, client.execute):
                try:
                    await send(requests, timeout=0.1, retries=0)
                except WriteRefusedError:
                    refused += 1
                except Exception:
                    # The library itself refuses it for this inverter.
                    assert send != client.execute
            with pytest.raises(WriteRefusedError):
                await client.send_request_and_await_response(requests[0], timeout=0.1, retries=0)
        # The connection works: a read is answered, after everything else would have been.
        response = await client.send_request_and_await_response(
            ReadInputRegistersRequest(base_register=0, register_count=60, device_address=0x11),
            timeout=2.0,
            retries=0,
        )
        assert len(response.register_values) == 60
        await client.close()
        return refused

    assert asyncio.run(attempt()) > 2 * len(COMMANDS)
    assert inverter.functions == [4]


def test_a_read_under_another_name_is_refused_too(inverter):
    """Only the two classes themselves are let through, not what derives from them."""

    class Disguised(ReadInputRegistersRequest):
        transparent_function_code = 6

    async def attempt():
        client = ReadOnlyClient("127.0.0.1", inverter.port)
        await client.connect()
        try:
            await client.send_request_and_await_response(
                Disguised(base_register=0, register_count=1), timeout=0.1, retries=0
            )
        finally:
            await client.close()

    with pytest.raises(WriteRefusedError):
        asyncio.run(attempt())
    assert inverter.functions == []


def test_the_reader_imports_nothing_that_writes():
    imported = set()
    for path in READER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("givenergy_mod"):
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    assert imported
    assert not [name for name in imported if "rite" in name or "command" in name.lower()]
    assert {name for name in imported if ".client" in name} == {
        "givenergy_modbus.client.client.Client"
    }
