"""The app under faults, races and kills: whatever happens, the invariants of the contract hold, and calm repairs the rest."""
