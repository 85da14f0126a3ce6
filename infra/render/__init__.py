"""The files of route reflectors and Cilium, written from the app's own clusters file and one small network file.

    network     the network file: the few things the clusters file does not say, each key on its own
    inputs      both files → Inputs, checked against each other; every problem at once
    selector    the app's label selector as the object Cilium takes
    cilium      Inputs → Helm values and the objects of Cilium's BGP control plane
    frr         Inputs → frr.conf and daemons of each reflector
    machines    Inputs → cloud-init and the parameters of infra/reflectors/main.bicep
    files       Inputs → every file, by its path; writing and comparing them

Nothing here speaks to Azure or Kubernetes: text in, text out, the same text each time.
"""
