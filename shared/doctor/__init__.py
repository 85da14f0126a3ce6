"""What is in the way of a cluster's pods, or will be: checks with verdict, evidence and way out. Changes nothing anywhere.

    examination = examine(setup, arm, ...)     # in `examine`: reads the facts, side by side, and judges them
    render_text([examination])                 # in `rendering`: for people; render_json for programs

`check` is what a check says, `facts` what is known of a cluster. The `checks_*` modules judge and are pure, `checks` has them
in order; the `facts_*` modules read. Whoever reads is handed an object that cannot write: `read_only`.
"""
