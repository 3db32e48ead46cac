"""Wallet, fees, transaction log, transferable amounts, the key, coins."""

from __future__ import annotations

from decimal import Decimal

import pytest

from self_test.modules.simulator.signed import BOUND, LINEAR, SPOT, SPOT_ONLY, Customer

BALANCE, LOG, API = "/v5/account/wallet-balance", "/v5/account/transaction-log", "/v5/user/query-api"
DAY = 86_400_000


@pytest.fixture
def one() -> Customer:
    return Customer()


def test_the_wallet(one: Customer) -> None:
    [wallet] = one.get(BALANCE, accountType="UNIFIED")["list"]
    assert [coin["coin"] for coin in wallet["coin"]] == ["USDT"] and wallet["totalEquity"] == "100000"
    assert wallet["coin"][0]["availableToWithdraw"] == "" and None not in wallet["coin"][0].values()
    [asked] = one.get(BALANCE, accountType="UNIFIED", coin="USDT,BTC")["list"]
    assert [coin["coin"] for coin in asked["coin"]] == ["USDT", "BTC"]
    one.order(**SPOT, side="Buy", orderType="Limit", qty="0.01", price="79000")
    [locked] = one.get(BALANCE, accountType="UNIFIED")["list"]
    assert locked["coin"][0]["locked"] == "790" and locked["coin"][0]["walletBalance"] == "100000"


def test_the_log_sums_to_the_wallet(one: Customer) -> None:
    one.order(**SPOT, side="Buy", orderType="Market", qty="1000")
    one.order(**LINEAR, side="Buy", orderType="Market", qty="0.01")
    rows = one.get(LOG, accountType="UNIFIED", currency="USDT", limit=50)["list"]
    [coin] = one.get(BALANCE, accountType="UNIFIED", coin="USDT")["list"][0]["coin"]
    assert sum(Decimal(row["change"]) for row in rows) == Decimal(coin["walletBalance"]) == Decimal(rows[0]["cashBalance"])
    assert {row["type"] for row in rows} == {"TRADE", "TRANSFER_IN"}
    assert [row["type"] for row in one.get(LOG, type="TRANSFER_IN")["list"]] == ["TRANSFER_IN"]
    assert {row["category"] for row in one.get(LOG, category="linear")["list"]} == {"linear"}
    assert one.get(LOG, baseCoin="ETH")["list"] == []
    first = one.get(LOG, limit=1)
    assert first["nextPageCursor"] and one.get(LOG, limit=1, cursor=first["nextPageCursor"])["list"] != first["list"]
    one.stage.tick(DAY)
    assert one.get(LOG)["list"] == [], "a day unless times are given"
    start = int(rows[-1]["transactionTime"])
    assert len(one.get(LOG, startTime=start, endTime=start + 2 * DAY, currency="USDT")["list"]) == len(rows)


def test_info_and_fees(one: Customer) -> None:
    info = one.get("/v5/account/info")
    assert info["unifiedMarginStatus"] in (5, 6) and info["marginMode"] == "REGULAR_MARGIN"
    [rate] = one.get("/v5/account/fee-rate", **LINEAR)["list"]
    assert rate == {"symbol": "BTCUSDT", "takerFeeRate": "0.00055", "makerFeeRate": "0.0002"}
    assert len(one.get("/v5/account/fee-rate", category="spot")["list"]) == 1
    assert one.get("/v5/account/fee-rate", category="option")["list"] == []
    assert one.get("/v5/account/fee-rate")["list"] == [rate], "ccxt leaves the category out"
    assert one.get("/v5/account/query-dcp-info") == {"dcpInfos": []}


def test_what_could_be_withdrawn(one: Customer) -> None:
    one.order(**SPOT, side="Buy", orderType="Limit", qty="0.01", price="79000")
    found = one.get("/v5/account/withdrawal", coinName="USDT,BTC")
    assert found == {"availableWithdrawal": "99210", "availableWithdrawalMap": {"USDT": "99210", "BTC": "0"}}


def test_the_key(one: Customer) -> None:
    found = one.get(API)
    assert (found["apiKey"], found["readOnly"], found["uta"], found["ips"], found["userID"]) == ("k", 0, 1, ["*"], 1001)
    assert found["permissions"]["ContractTrade"] == ["Order", "Position"] and "s3cr3t" not in str(found)
    assert one.send("GET", API, key=SPOT_ONLY)[2]["result"]["permissions"] == {"Spot": ["SpotTrade"]}
    assert one.send("GET", API, key=BOUND, peer="10.0.0.1")[2]["result"]["ips"] == ["10.0.0.1"]


def test_coins_and_the_funding_wallet(one: Customer) -> None:
    rows = one.get("/v5/asset/coin/query-info")["rows"]
    assert [row["coin"] for row in rows] == ["USDT", "BTC"] and all(row["chains"] for row in rows)
    assert [row["coin"] for row in one.get("/v5/asset/coin/query-info", coin="BTC")["rows"]] == ["BTC"]
    several = "/v5/asset/transfer/query-account-coins-balance"
    assert one.get(several, accountType="FUND")["balance"] == []
    assert one.get(several, accountType="FUND", coin="USDT")["balance"][0]["walletBalance"] == "0"
    assert {row["coin"]: row["walletBalance"] for row in one.get(several, accountType="UNIFIED")["balance"]} == {
        "USDT": "100000",
        "BTC": "0",
    }
    single = one.get("/v5/asset/transfer/query-account-coin-balance", accountType="UNIFIED", coin="USDT")["balance"]
    assert (single["walletBalance"], single["transferBalance"]) == ("100000", "100000")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (BALANCE, {}), (BALANCE, {"accountType": "SPOT"}), (LOG, {"accountType": "CONTRACT"}), (LOG, {"category": "x"}),
        (LOG, {"startTime": "1", "endTime": str(8 * DAY)}), ("/v5/account/fee-rate", {"category": "x"}),
        ("/v5/account/fee-rate", {"category": "spot", "symbol": "NOPE"}), ("/v5/account/withdrawal", {}),
        ("/v5/account/withdrawal", {"coinName": ","}), ("/v5/account/withdrawal", {"coinName": "A," * 21}),
        ("/v5/asset/transfer/query-account-coins-balance", {}), ("/v5/asset/transfer/query-account-coin-balance", {"accountType": "FUND"}),
        ("/v5/asset/transfer/query-account-coin-balance", {"accountType": "OPTION", "coin": "USDT"}),
    ],
)  # fmt: skip
def test_wrong_parameters_are_10001(one: Customer, path: str, query: dict[str, str]) -> None:
    assert one.get_code(path, **query) == 10001
