"""The script package that makes the bundled footage: synthetic people, dancing and not, and the truth between them.

Run it from ``examples/footage`` with ``python -m make``; see its README. Modules, each importing only earlier ones:

    geometry      rotations, normals, smoothing, procedural noise
    assets        the CC0 body data
    body          a shaped body with its skeleton
    looks         what a person wears, as values
    figure        body + clothes as one skinned triangle mesh
    materials     the colour of every point of a figure
    motion        key poses → body-independent motion → bone rotations
    choreography  the dances and the casual moves
    raster        triangles → fragments
    room          camera, rooms and light
    render        one frame: picture, mask, joints
    beat          the music
    cast          the people and the clips, as data
    clips         rendering, encoding and checking whole clips

Lengths are metres, x to the picture's right, y up, z towards the camera; a person at rest faces the camera, so
their left is +x. Angles in key poses are degrees.
"""
