"""Experiments: a YAML specification becomes cells, artefacts and figures.

An experiment is ``analyses/<paper>/<name>.yaml``; its result is known by the same ``<paper>/<name>``::

    title: Eigenvalues of the step at the end of the stimulus
    analysis: eigenspectrum            # neurodyn/analysis/eigenspectrum.py, or package.module:function
    inputs:
      model: cordsnet-digits           # a card; or {name: ..., untrained: true}; or {architecture: cordsnet, seed: 0, parameters: {depth: 2}};
                                       # or package.module:function, or {factory: ..., parameters: {...}}
      stimuli: {dataset: digits, split: test, per_label: 1}       # or {generator: gratings, parameters: {...}}; n, labels, seed choose
      schedule: {before_ms: 100, stimulus_ms: 200}                # or before_steps, stimulus_steps, after_steps; the model's own trial when absent
      step: last                       # where the analysis takes a state: when
      start_steps: [0, 10, 20]         # where it takes starts (states to search from): when
      record: {layers: [V4], bins_ms: [[50, 150]], space: all}    # where it takes responses: what is kept
      recordings: {dataset: cowley2023, parameters: {session: 190923}}   # or {generator: synthetic_recording, model: ..., seed: 0, parameters: {...}}
      artefacts: {features: cordsnet/responses#responses}         # an argument that is another experiment's result
    parameters: {n_modes: 40, tol: 1e-8}     # the analysis' own arguments; unknown ones are refused with the nearest name
    seed: 0                            # required; null where nothing is random
    grid:                              # the cells are the product; any dotted key can vary
      inputs.model.untrained: [false, true]
      parameters.operator: [jacobian, kernel]
    compute: {batch_size: 32}          # changes no result, so it is not in the key

The analysis' own signature says what it is given: ``model``, ``state``, ``drive``, ``starts``, ``stimuli``, ``stimulus_id``, ``responses``,
``recordings``, ``labels``, ``schedule``, ``record``, ``seed``, ``batch_size`` and ``device`` are made from `inputs`, every other
argument comes from `parameters`.
Without a model, an analysis of ``responses`` is given the recordings.  To save responses themselves, ``analysis: neurodyn.dynamics.simulate:simulate``.

``neurodyn run <paper>/<name>`` writes ``results/<paper>/<name>.nc``, or one file a cell; a cell is done when its file opens and its key matches.
``open_result("<paper>/<name>")`` reads it, the cells of a grid stacked along one dim an axis (named by the last word of the key: ``untrained``,
``operator``).  A figure is ``figures/<paper>/fig<k>_<slug>.py`` with ``INPUTS = {"spectra": "<paper>/<name>"}`` and ``draw(spectra) -> Figure``:
``neurodyn figure <paper>/fig<k>_<slug>`` runs what is missing and draws it.
"""
