"""What was odd about the nodes, told as one finding per kind of oddity. When something is odd is decided in `objects`."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from shared.models import Finding, Severity

EXAMPLES = 3
"""As many cases as a person needs to recognise the pattern; the number tells the rest."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How bad an oddity is and how it is told; one and many of what is counted."""

    severity: Severity
    one: str
    many: str
    sentence: str


KINDS: Mapping[str, Kind] = {
    "podCidrInvalid": Kind(
        Severity.WARNING,
        "pod CIDR",
        "pod CIDRs",
        "{count} cannot be read as a network and gets no route: {examples}. Correct it where it is assigned.",
    ),
    "podCidrMismatch": Kind(
        Severity.WARNING,
        "node",
        "nodes",
        "Node and CiliumNode name different pod CIDRs on {count}: {examples}. The CiliumNode counts. With "
        "Kubernetes host scope IPAM the two should agree; with cluster-pool or multi-pool IPAM set podCidrSource: "
        "ciliumNode to say that this is meant.",
    ),
    "internalIpMismatch": Kind(
        Severity.WARNING,
        "node",
        "nodes",
        "Node and CiliumNode name different addresses of type InternalIP on {count}: {examples}. The Node's is the next "
        "hop; look at what the Cilium agent there believes its address to be.",
    ),
    "internalIpInvalid": Kind(
        Severity.WARNING,
        "address",
        "addresses",
        "{count} of type InternalIP cannot be read and is no next hop: {examples}.",
    ),
    "ciliumNodeWithoutNode": Kind(
        Severity.INFO,
        "CiliumNode",
        "CiliumNodes",
        "{count} without a Node of that name, which counts for nothing: {examples}. The Cilium operator clears it away.",
    ),
}
"""Every code a reading can carry, in the order of the findings."""


class Oddities:
    """Cases by kind, so that a thousand odd nodes do not give a thousand findings."""

    def __init__(self) -> None:
        self._cases: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def note(self, code: str, node: str, case: str = "") -> None:
        """One more case of `code`, which must be a key of `KINDS`; a case noted before is not counted again."""
        self._cases[code][f"{node} ({case})" if case else node] = None

    def findings(self, *, mismatch: Severity) -> tuple[Finding, ...]:
        """One finding per kind that occurred; `mismatch` is how bad differing pod CIDRs are for this cluster."""
        findings = []
        for code, kind in KINDS.items():
            if cases := tuple(self._cases.get(code, ())):
                more = len(cases) - EXAMPLES
                sentence = kind.sentence.format(
                    count=f"{len(cases)} {kind.one if len(cases) == 1 else kind.many}",
                    examples=", ".join(cases[:EXAMPLES]) + (f" and {more} more" if more > 0 else ""),
                )
                severity = mismatch if code == "podCidrMismatch" else kind.severity
                findings.append(Finding(severity, code, sentence))
        return tuple(findings)
