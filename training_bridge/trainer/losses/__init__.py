"""Training objectives as pure functions of tensors: rewards, log-probabilities, logits. No model, no data, no settings.

    pairs     two rewards: Bradley–Terry, ties by Rao–Kupper and Davidson
    lists     K rewards or log-ratios of one prompt: Plackett–Luce, the mean of all pairs, LiPO-λ, PRO
    policies  log-probabilities of responses: DPO and its family, SimPO, ORPO, KTO, rationales
    heads     thumbs, scores of aspects in closed form, typed segments

Natural logarithms. P pairs, G groups of K responses, B rows, T tokens. Every function gives one loss for each pair,
group or row, unweighted: what weighs them and what they are averaged over is the objective's business. `soft` is the
probability that the first of two is the better one; 1 is a hard label. log sigmoid is -softplus(-z): log(sigmoid(z) +
eps) has the wrong gradient below z = -12. Logs of sums are logsumexp. All of it in float32 or better: a sum over a
thousand tokens in bfloat16 has an error larger than the margins it is to tell apart.
"""
