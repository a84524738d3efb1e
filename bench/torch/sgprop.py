"""SGProp on nets of neurons with slots and few parents, as its authors run it (Zhang et al. 2026): einsum over all neurons,
gradients mixed on the way back, and a weight for each neuron from the statistics of per-sample gradients.

The gradients of a neuron's parameters are outer products of a signal and what the neuron reads; their norms and inner
products are taken from those two, so that no per-sample gradient of a weight is ever formed."""

import math

import torch

import common
from protocol import Skip


def unit(v):
    """Each row of neurons (the last axis is a neuron's own) at length 1."""
    return v / v.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def attention_back(a, da):
    """Through a softmax over the last axis."""
    return a * (da - (a * da).sum(-1, keepdim=True))


class Neurons:
    """Forward and backward of one layer or step: keys K [w, s, i], maps A [w, s, q, i], biases b [w, s, q]."""

    def __init__(self, K, A, b):
        self.K, self.A, self.b = K, A, b
        self.root = math.sqrt(K.shape[-1])

    def forward(self, u):
        a = torch.softmax(torch.einsum("bwi,wsi->bws", u, self.K) / self.root, -1)
        y = torch.tanh(torch.einsum("bwi,wsqi->bwsq", u, self.A) + self.b)
        return a, y, torch.einsum("bws,bwsq->bwq", a, y)

    def signals(self, signal, a, y):
        """What a signal at the neurons' sums is at the keys' logits (over the root) and at the slots' sums."""
        dk = attention_back(a, torch.einsum("bwq,bwsq->bws", signal, y)) / self.root
        return dk, (signal[:, :, None] * a[..., None]) * (1 - y * y)

    def down(self, dk, dz):
        return torch.einsum("bws,wsi->bwi", dk, self.K) + torch.einsum("bwsq,wsqi->bwi", dz, self.A)


def sums(dk, dz, u):
    """Gradients of K, A and b, summed over the batch."""
    return torch.einsum("bws,bwi->wsi", dk, u), torch.einsum("bwsq,bwi->wsqi", dz, u), dz.sum(0)


def predictor_sums(error, a, u):
    d = error[:, :, None] * a[..., None]
    return torch.einsum("bwsq,bwi->wsqi", d, u), d.sum(0)


class Statistics:
    """Of per-sample gradients p (of what is received) and q (of what is predicted), per neuron, over what is added."""

    def __init__(self):
        self.count = 0
        self.squares = self.products = 0  # of q - p; of p and q - p
        self.p = self.d = None            # sums of p and of q - p, as gradients of K, A, b

    def add(self, neurons, received, predicted, a, y, u):
        kp, zp = neurons.signals(unit(received), a, y)
        kq, zq = neurons.signals(unit(predicted), a, y)
        kd, zd = kq - kp, zq - zp
        reads = (u * u).sum(-1)
        self.squares = self.squares + (reads * (kd * kd).sum(-1) + (reads + 1) * (zd * zd).sum((-1, -2))).sum(0)
        self.products = self.products + (reads * (kp * kd).sum(-1) + (reads + 1) * (zp * zd).sum((-1, -2))).sum(0)
        p, d = sums(kp, zp, u), sums(kd, zd, u)
        self.p = p if self.p is None else [x + y for x, y in zip(self.p, p)]
        self.d = d if self.d is None else [x + y for x, y in zip(self.d, d)]
        self.count += u.shape[0]

    def weight(self):
        """Eq. 18 for the mean of the samples."""
        n = self.count
        inner = lambda one, other: sum((x * y).flatten(1).sum(1) for x, y in zip(one, other)) / (n * n)
        bias = inner(self.d, self.d)
        v = ((self.squares / n - bias) / (n - 1)).clamp_min(0)
        c = (self.products / n - inner(self.p, self.d)) / (n - 1)
        b2 = (bias - v).clamp_min(0)
        return torch.clamp(1 + c / (v + b2).clamp_min(1e-30), 0, 1)


class Adam(torch.optim.Adam):
    def take(self, tensors, gradients):
        for p, g in zip(tensors, gradients):
            p.grad = g
        self.step()


class Bandit:
    """A feed-forward net whose steps are layers with residual sums; one step of learning is: sample actions without
    gradients, teach the predictors, then the policy by the taught predictors."""

    def __init__(self, workload):
        if (workload["cell"], workload["synth"]) != ("sparsenet_residual", "sparsenet_layers"):
            raise Skip("only sparsenet_residual with sparsenet_layers")
        common.check_parts({**workload, "readout": workload["readout"]}, ("sparsenet_residual",))
        z = workload["sizes"]
        self.w, self.layers, self.batch = workload, workload["T"], workload["batch"]
        w, q, s, r = z["w"], z["q"], z["slot"], z["r"]
        deviation = 1 / math.sqrt(r * q)
        draw = lambda *shape: torch.randn(*shape) * deviation
        self.K, self.A, self.b = draw(self.layers, w, s, r * q), draw(self.layers, w, s, q, r * q), draw(self.layers, w, s, q)
        self.gA, self.gb = draw(self.layers, w, s, q, r * q), draw(self.layers, w, s, q)
        self.V, self.c = draw(z["k"], w * q), torch.zeros(z["k"])
        self.pixel = torch.randint(z["m"], (w, r * q))
        self.parent = torch.stack([torch.stack([torch.randperm(w)[:r] for _ in range(w)]) for _ in range(self.layers)])
        self.mix = torch.full((self.layers, w), 0.9)
        self.mu = workload["hyper"].get("μ", workload["hyper"].get("mu", 0.9))
        self.x = torch.rand(self.batch, z["m"]) * 2 - 1
        self.y = common.draw_targets(workload, z["k"])[-1]
        self.weights = torch.ones(self.batch)
        self.policy = [self.K, self.A, self.b, self.V, self.c]
        self.adam, self.adam_g = Adam(self.policy, lr=5e-3), Adam([self.gA, self.gb], lr=5e-3)

    def neurons(self, t):
        return Neurons(self.K[t], self.A[t], self.b[t])

    def forward(self):
        kept, h = [], None
        for t in range(self.layers):
            u = self.x[:, self.pixel] if t == 0 else h[:, self.parent[t]].flatten(2)
            a, y, c = self.neurons(t).forward(u)
            h = c if t == 0 else torch.tanh(c) + h
            kept.append((u, a, y, c))
        flat = h.flatten(1)
        return kept, flat, flat @ self.V.t() + self.c

    def back(self, kept, flat, o, visit):
        """Goes down with mixed gradients; `visit` sees each layer's received and predicted one. What it is worth at the
        neurons' sums is for it to ask."""
        d = common.loss_gradient(self.w["readout"], o, self.y) * self.weights[:, None]
        received = (d @ self.V).view(self.batch, -1, self.b.shape[-1])
        for t in reversed(range(self.layers)):
            u, a, y, c = kept[t]
            v = torch.einsum("bwi,wsqi->bwsq", u, self.gA[t]) + self.gb[t]
            predicted = torch.einsum("bws,bwsq->bwq", a, v)
            mix = self.mix[t][:, None]
            mixed = mix * received + (1 - mix) * predicted
            at_sum = (lambda g, s=1 - torch.tanh(c) ** 2: g * s) if t else (lambda g: g)
            dk, dz = self.neurons(t).signals(at_sum(mixed), a, y)
            visit(t, received, predicted, at_sum, dk, dz)
            if t:
                down = self.neurons(t).down(dk, dz).view(self.batch, -1, self.parent.shape[-1], self.b.shape[-1])
                received = mixed.index_add(1, self.parent[t].flatten(), down.flatten(1, 2))
        return d.t() @ flat, d.sum(0)

    def teach_predictors(self):
        kept, flat, o = self.forward()
        A, b = torch.zeros_like(self.gA), torch.zeros_like(self.gb)

        def visit(t, received, predicted, *_):
            A[t], b[t] = predictor_sums(predicted - received, kept[t][1], kept[t][0])

        self.back(kept, flat, o, visit)
        return A, b

    def teach_policy(self):
        kept, flat, o = self.forward()
        K, A, b, new = (torch.zeros_like(p) for p in (self.K, self.A, self.b, self.mix))

        def visit(t, received, predicted, at_sum, dk, dz):
            u, a, y, _ = kept[t]
            K[t], A[t], b[t] = sums(dk, dz, u)
            statistics = Statistics()
            statistics.add(self.neurons(t), at_sum(received), at_sum(predicted), a, y, u)
            new[t] = statistics.weight()

        V, c = self.back(kept, flat, o, visit)
        self.mix = self.mu * self.mix + (1 - self.mu) * new
        return K, A, b, V, c

    def call(self):
        with torch.no_grad():
            if self.w["acts_first"]:
                torch.multinomial(torch.softmax(self.forward()[2], -1), 1)
            self.adam_g.take([self.gA, self.gb], [g / self.batch for g in self.teach_predictors()])
            self.adam.take(self.policy, [g / self.batch for g in self.teach_policy()])

    def check(self, case):
        value = {name: common.tensor(v) for name, v in case["values"].items()}
        for name, p in (("net.K", self.K), ("net.A", self.A), ("net.b", self.b), ("g.A", self.gA), ("g.b", self.gb),
                        ("L.V", self.V), ("L.b", self.c)):
            p.copy_(value[name].reshape(p.shape))
        self.parent, self.pixel = value["net.parent"].long(), value["net.pixel"].long().flatten(1)
        self.mix = value["mix"].clone()
        self.x, self.y = common.tensor(case["x"])[0], common.tensor(case["y"])[-1]
        self.weights = common.tensor(case["loss_mask"])[-1]
        with torch.no_grad():
            taught = self.teach_predictors()
            found = dict(zip(("θ.A", "θ.b"), taught))
            found.update(zip(("ψ.K", "ψ.A", "ψ.b", "φ.V", "φ.b"), self.teach_policy()))
        shapes = {"ψ.K": value["net.K"].shape, "ψ.A": value["net.A"].shape, "θ.A": value["g.A"].shape}
        reply = common.listed({n: -g.reshape(shapes.get(n, g.shape)) / self.batch for n, g in found.items()})
        reply["values"] = {"mix": self.mix.tolist()}
        return reply


class Recurrent:
    """The recurrent net: neurons read their parents' last outputs and an embedding, which all but a few see as zeros."""

    def __init__(self, workload):
        if (workload["cell"], workload["synth"]) != ("sparsenet_inputs", "sparsenet_slots"):
            raise Skip("only sparsenet_inputs with sparsenet_slots")
        common.check_parts(workload, ("sparsenet_inputs",))
        z = workload["sizes"]
        self.w, self.steps, self.batch = workload, workload["T"], workload["batch"]
        w, q, s, r, m = z["w"], z["q"], z["slot"], z["r"], z["m"]
        self.inner = r * q
        deviation = 1 / math.sqrt(r * q + m)
        draw = lambda *shape: torch.randn(*shape) * deviation
        self.K, self.A, self.b = draw(w, s, r * q + m), draw(w, s, q, r * q + m), draw(w, s, q)
        self.gA, self.gb = torch.zeros(w, s, q, r * q + m), torch.zeros(w, s, q)
        self.V, self.c = draw(z["k"], w * q), torch.zeros(z["k"])
        self.parent = torch.stack([torch.randperm(w)[:r] for _ in range(w)])
        self.sees = torch.zeros(w)
        self.sees[torch.randperm(w)[:z["e"]]] = 1
        self.base = torch.ones(w)
        hyper = {{"mu": "μ", "rho": "ρ"}.get(name, name): v for name, v in workload["hyper"].items()}
        self.mu, self.rho, self.target = hyper.get("μ", 0.9), hyper.get("ρ", 0.1), hyper.get("mixed", 1)
        self.x = torch.rand(self.steps, self.batch, m) * 2 - 1
        self.y = common.draw_targets(workload, z["k"])
        self.mask = torch.ones(self.steps, self.batch)
        self.start = torch.zeros(self.batch, w, q)
        self.policy = [self.K, self.A, self.b, self.V, self.c]
        self.adam, self.adam_g = Adam(self.policy, lr=2e-3), Adam([self.gA, self.gb], lr=1e-5)

    def schedule(self):
        """The weights of each step, from the last one back: a share of the children's deficit is made up for."""
        w = self.base.shape[0]
        children = torch.zeros(w, w)  # [i, j]: how often j has i as a parent
        children.index_put_((self.parent.flatten(), torch.arange(w).repeat_interleave(self.parent.shape[1])),
                            torch.ones(self.parent.numel()), accumulate=True)
        mean = children / children.sum(1, keepdim=True).clamp_min(1)
        weights = [self.base]
        for _ in range(self.steps - 1):
            weights.append(torch.clamp(weights[-1] + self.rho * (mean @ (1 - weights[-1])), max=1))
        return weights[::-1]

    def gradients(self):
        neurons = Neurons(self.K, self.A, self.b)
        kept, h, outputs = [], self.start, []
        for t in range(self.steps):
            parents = h[:, self.parent].flatten(2)
            u = torch.cat([parents, self.sees[:, None] * self.x[t][:, None]], -1)
            a, y, h = neurons.forward(u)
            kept.append((u, a, y))
            outputs.append(h.flatten(1))
        flat = torch.stack(outputs)
        d = common.loss_gradient(self.w["readout"], flat @ self.V.t() + self.c, self.y) * self.mask[..., None]
        direct = (d @ self.V).view(self.steps, *self.start.shape)
        grads = [torch.zeros_like(p) for p in (self.K, self.A, self.b, self.gA, self.gb)]
        statistics, weights = Statistics(), self.schedule()
        later = torch.zeros_like(self.start)
        for t in reversed(range(self.steps)):
            u, a, y = kept[t]
            received = direct[t] + later
            v = torch.einsum("bwi,wsqi->bwsq", u, self.gA) + self.gb
            predicted = torch.einsum("bws,bwsq->bwq", a, v)
            mix = weights[t][:, None]
            mixed = mix * received + (1 - mix) * predicted
            dk, dz = neurons.signals(mixed, a, y)
            error = predicted - (received + self.target * (mixed - received))
            for g, more in zip(grads, (*sums(dk, dz, u), *predictor_sums(error, a, u))):
                g += more
            statistics.add(neurons, received, predicted, a, y, u)
            down = neurons.down(dk, dz)[..., :self.inner].reshape(self.batch, -1, self.start.shape[-1])
            later = torch.zeros_like(self.start).index_add(1, self.parent.flatten(), down)
        self.base = self.mu * self.base + (1 - self.mu) * statistics.weight()
        over = d.flatten(0, 1)
        return (*grads, over.t() @ flat.flatten(0, 1), over.sum(0))

    def call(self):
        with torch.no_grad():
            K, A, b, gA, gb, V, c = (g / self.batch for g in self.gradients())
            self.adam.take(self.policy, [K, A, b, V, c])
            self.adam_g.take([self.gA, self.gb], [gA, gb])

    def check(self, case):
        value = {name: common.tensor(v) for name, v in case["values"].items()}
        flat = lambda name: value[name].flatten(-2)  # parents and their outputs as one axis
        self.K.copy_(torch.cat([flat("net.K"), value["net.Kx"]], -1))
        self.A.copy_(torch.cat([flat("net.A"), value["net.Ax"]], -1))
        self.gA.copy_(torch.cat([flat("g.A"), value["g.Ax"]], -1))
        for name, p in (("net.b", self.b), ("g.b", self.gb), ("L.V", self.V), ("L.b", self.c)):
            p.copy_(value[name])
        self.parent = value["net.parent"].long()
        self.sees.zero_()
        self.sees[value["net.reader"].long()] = 1
        self.base, self.start = value["mix"].clone(), value["net.h[start]"]
        self.x, self.y, self.mask = (common.tensor(case[name]) for name in ("x", "y", "loss_mask"))
        with torch.no_grad():
            K, A, b, gA, gb, V, c = (-g / self.batch for g in self.gradients())
        i = self.inner
        found = {"ψ.K": K[..., :i].reshape(value["net.K"].shape), "ψ.Kx": K[..., i:], "ψ.A": A[..., :i].reshape(value["net.A"].shape),
                 "ψ.Ax": A[..., i:], "ψ.b": b, "θ.A": gA[..., :i].reshape(value["g.A"].shape), "θ.Ax": gA[..., i:], "θ.b": gb,
                 "φ.V": V, "φ.b": c}
        reply = common.listed(found)
        reply["values"] = {"mix": self.base.tolist()}
        return reply
