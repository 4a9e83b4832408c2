# %% [markdown]
# # First steps
# Load a trained recurrent network, show it images, and look at it as a dynamical system.

# %%
import numpy as np

import neurodyn as nd
from neurodyn.analysis import eigenspectrum, trajectories
from neurodyn.datasets import digits
from neurodyn.plot import figure, plot_eigenspectrum, plot_trajectories, use_house_style

use_house_style()
model = nd.load_model("cordsnet-digits")
stimuli, labels = digits.load("test", image_size=16, n=6)

# %% [markdown]
# ## Simulate
# Responses are labelled: `presentation`, `neuroid`, `time_bin`; times are ms from stimulus onset.

# %%
trial = nd.Schedule.ms(before=100, stimulus=300)
responses = nd.simulate(model, stimuli, trial, nd.Record(layers=(model.layers[-1],)))
responses

# %% [markdown]
# ## What does it answer?

# %%
answer = nd.simulate(model, stimuli, trial, nd.Record(layers=("readout",), steps="last"))
guesses = answer.values[:, :, 0].argmax(axis=1)
print("shown:  ", labels.tolist())
print("guessed:", guesses.tolist())

# %% [markdown]
# ## Where does the activity go?

# %%
paths = trajectories(responses, n_components=2)
fig = figure("double", 70)
plane, spectrum = fig.subplots(1, 2)
plot_trajectories(plane, paths, labels=[f"digit {k}" for k in labels])
plane.legend()

# %% [markdown]
# ## How does it get there?
# Eigenvalues of one step around the last state: inside the unit circle, so the state is stable.

# %%
state, drive = nd.state_at(model, stimuli[:1], trial)
modes = eigenspectrum(model, state, drive, n_modes=10, tol=1e-5, seed=0)
plot_eigenspectrum(spectrum, modes, label="digit " + str(labels[0]))
spectrum.legend()
print("slowest decay: %.0f ms" % float(np.nanmax(modes.timescale_ms)))
fig
